"""The compiled path: a kind's layout for `bkc_native`, and the choice whether it is used.

The Rust crate is beside it (`Cargo.toml`, `src/`); why and how: docs/decisions/0033-native-path.md.
"""
