"""The config file: its model, and a reader whose errors name place, value and cure."""
