"""Accounts: what becomes of a user data event. The private worker's sessions belong here too."""
