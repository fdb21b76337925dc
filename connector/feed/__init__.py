"""Live market data: shard > supervisor > session > pipeline."""
