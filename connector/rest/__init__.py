"""The exchange's REST side, asked within its limits; here for those who import `Rest` alone."""

from connector.rest.client import Rest
from connector.rest.pool import Pool

__all__ = ["Pool", "Rest"]
