"""Notices that the key files of an account have another content, without keeping the content."""

import asyncio
import hashlib

from connector.account.source import AccountSource, FeedTimings
from connector.errors import Refused
from connector.transport.wsapi_session import Keys


def fingerprint(keys: Keys) -> str:
    """Return a text that changes with the API key or the key that signs; it tells neither.

    Files that cannot be read have the fingerprint of their error.
    """
    try:
        credentials = keys()
    except Refused as error:
        return str(error)
    signed = "" if credentials.signer is None else credentials.signer.sign(b"fingerprint")
    return hashlib.sha256(f"{credentials.api_key} {signed}".encode()).hexdigest()


async def key_changed(source: AccountSource, before: str, timings: FeedTimings) -> None:
    """Return when the files have another fingerprint than `before`, or it is time to try again."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timings.refused_s
    while loop.time() < deadline and fingerprint(source.keys) == before:
        await asyncio.sleep(timings.key_poll_s)
