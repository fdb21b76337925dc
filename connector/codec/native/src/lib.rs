//! Turns frames into Avro records, by layouts that Python makes from the `.avsc` files.
//!
//! It may only agree with `connector/codec/` or decline. What is not plainly the usual case is left
//! to Python, which alone says what becomes of it.

pub mod avro;
pub mod cursor;
pub mod layout;
#[cfg(feature = "python")]
mod python;
pub mod transcoder;
