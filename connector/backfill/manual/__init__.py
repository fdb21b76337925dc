"""`bkc backfill`: fills any span the exchange still has with the events that its topic lacks.

Runs beside a running worker: it has a transactional.id of its own, writes no progress, and leaves
to the worker what the worker will still write itself. Reading order: request.py (the span),
topic_state.py and missing.py (what the topic lacks), filler.py and writer.py, run.py.
"""
