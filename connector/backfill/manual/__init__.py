"""Fills what is missing by hand: any span the exchange still has, and only what the topic lacks.

Works beside a running worker: its own transactional.id, nothing of the worker's progress; what the
worker will still write by itself is left to it. Reading order: `asked`, `reading`, `gaps`,
`writing`, `filling`.
"""
