"""The error of a program that tests want and this machine cannot have."""


class Unavailable(Exception):
    """A program cannot be had on this machine; the text says why, and the cure."""
