"""Judges the records of a topic by the rules of the trackers: the core of `bkc verify`. PURE."""
