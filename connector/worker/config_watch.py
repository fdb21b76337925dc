"""Watches the account worker's file while it runs: what it says counts from the next start on.

An account that joins or leaves has topics, rights, a transaction and a break of its own; that is
decided at a start, where it can be refused. So a change is checked, named, and carried out then.
"""

import asyncio
from pathlib import Path

from connector.config.account import AccountWorkerSettings
from connector.config.load import Loaded, load_account
from connector.config.reload import FileWatch, differing
from connector.errors import Refused
from connector.telemetry import events

POLL_INTERVAL_S = 1.0  # between two reads of the file


class AccountConfigWatch:
    """Names what a changed file would change; changes nothing.

    Args:
        loaded: The file that runs.

    Attributes:
        restart_needed: Keys of the file that count only from the next start on.
    """

    def __init__(self, loaded: Loaded[AccountWorkerSettings]) -> None:
        self.restart_needed: tuple[str, ...] = ()
        self._running = loaded.settings
        self._watch = FileWatch(Path(loaded.places.file), loaded.hash)

    async def run(self) -> None:
        """Look at the file once a second, until cancelled."""
        while True:
            await asyncio.sleep(POLL_INTERVAL_S)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Read the file; report a change once. Blocks."""
        if not self._watch.changed():
            return
        try:
            read = load_account(self._watch.path, self._watch.take()).settings
        except Refused as error:
            events.config_refused(reason="file", cause=str(error))
            return
        old, new = (each.model_dump(by_alias=True) for each in (self._running, read))
        self.restart_needed = tuple(differing(old, new))
        if self.restart_needed:
            events.restart_needed(keys=list(self.restart_needed))
