"""The benchmark: CPU, latency and memory of the connector against two simple implementations.

Run `python -m bench.run`, `python -m bench.readers` or `python -m bench.verify`; bench/README.md
describes the measurements.
"""
