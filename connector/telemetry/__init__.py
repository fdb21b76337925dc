"""Log events, the accounts of frames and records, latencies, and the metrics page."""
