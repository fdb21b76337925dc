"""A schema and its records, written for others: JSON lines, Markdown pages. Pure."""
