"""Gaps filled through REST beside the live feed; manual/ is `bkc backfill`."""
