"""How much of what is random is tried: a part in `make test`, all of it in `make fuzz`."""

import os

IS_THOROUGH = os.environ.get("TEST_THOROUGH") == "1"
PART = 10  # `make test` tries one in so many


def examples(count: int) -> int:
    """Return how many of `count` examples this run tries."""
    return count if IS_THOROUGH else count // PART
