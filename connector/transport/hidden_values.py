"""Hides the values of a call in the error that answers it: whoever wrote it may repeat them all."""

from collections.abc import Iterable
from urllib.parse import unquote

HIDDEN = b"***"
MIN_SECRET_CHARACTERS = 16  # a shorter value may stand in any text


def without_values(text: bytes, values: Iterable[str]) -> bytes:
    """Return a text without the long ones of these values.

    They are found as they were sent, percent-decoded, and with the escaped slashes of JSON.
    """
    for sent in values:
        decoded = unquote(sent)
        for value in (sent, decoded, decoded.replace("/", "\\/")):
            if len(value) >= MIN_SECRET_CHARACTERS:
                text = text.replace(value.encode(), HIDDEN)
    return text
