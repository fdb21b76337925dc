"""The benchmark: what a message costs, against what a good engineer would write in an afternoon.

Run `python -m bench.run` and `python -m bench.readers`; bench/README.md says what is measured.
"""
