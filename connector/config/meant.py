"""Which of the known names a misspelt one may have meant. Pure."""

import difflib
import re
from collections.abc import Collection

_SHORTEST = 3  # so many letters of a name's beginning stand for it


def meant(name: str, known: Collection[str]) -> str | None:
    """Return the nearest known name: the same but for case and dashes, one so begun, one alike."""
    names = {plain(each): each for each in known}
    wanted = plain(name)
    if wanted in names:
        return names[wanted]
    begun = [each for each in names if len(wanted) >= _SHORTEST and each.startswith(wanted)]
    near = begun if len(begun) == 1 else difflib.get_close_matches(wanted, names, n=1)
    return names[near[0]] if near else None


def plain(name: str) -> str:
    """Return a name without what people write differently: case, dashes, dots, blanks."""
    return re.sub(r"[\s_.-]", "", name).lower()
