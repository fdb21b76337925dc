"""The processes: composition of a worker, its writer, its plan, its probes and metrics."""
