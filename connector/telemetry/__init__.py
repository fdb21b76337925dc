"""What can be seen from outside: one function per event, metrics read from the ledgers, lag."""
