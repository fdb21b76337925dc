"""`python -m connector` is `bkc`."""

from connector.cli import main

main()
