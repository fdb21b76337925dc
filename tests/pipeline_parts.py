"""Small stand-ins around a pipeline: a publisher that keeps what it gets, a source of nothing."""

from connector.binance.names import recognise
from connector.errors import BadMessage
from connector.pipeline import Route, route_to


class Recorder:
    """A publisher with room for `room` records."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.room = room
        self.records: list[tuple[str, bytes, bytes, int]] = []
        self.dead: list[tuple[str, bytes, str]] = []

    def has_room(self, records: int) -> bool:
        return len(self.records) + records <= self.room

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> bool:
        del received
        if not self.has_room(1):
            return False
        self.records.append((topic, value, key, timestamp))
        return True

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> None:
        del received
        self.dead.append((source, raw, error.reason))


class Source:
    """A connection that knows acknowledgements and shutdown notices when it sees them."""

    def __init__(self) -> None:
        self.controls: list[bytes] = []

    def control(self, frame: bytes) -> bool:
        if frame.startswith(b'{"result"') or b"!serverShutdown" in frame:
            self.controls.append(frame)
            return True
        return False


def route(product: str, name: str) -> Route:
    """Return a stream's route as the service makes it."""
    stream = recognise(product, name)  # type: ignore[arg-type]
    return route_to(f"binance.{product}.{stream.row.kind}", 7, stream, {})
