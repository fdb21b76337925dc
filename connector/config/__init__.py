"""The one config file: its model, and reading it with errors that name the place and the cure."""
