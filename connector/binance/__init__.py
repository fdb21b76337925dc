"""What Binance sends and how to ask for it, as data and pure functions; never any I/O or clock."""
