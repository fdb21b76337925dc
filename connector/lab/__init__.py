"""An exchange in a box, a registry and brokers: real sockets for the demo, the tests, the bench."""
