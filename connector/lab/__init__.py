"""A simulated exchange, a registry and brokers on real sockets: for the demo, tests and bench."""
