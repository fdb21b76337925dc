"""Subscriptions and listings into a plan of connections; its diff and its budget. PURE."""
