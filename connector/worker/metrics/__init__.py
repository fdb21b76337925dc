"""The rows of the metrics page, by subject."""
