"""Reads topics, markers and progress as any consumer would, and says what is missing and who knows.

Memory is bounded by the series and their holes, not by records. Backfill appends old times: a topic
is read from the first record of the window's beginning to the end it has when the run starts, and a
record counts when its own time lies inside the window.
"""
