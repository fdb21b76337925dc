"""Small stand-ins around a pipeline: a publisher that keeps what it gets, a source of nothing."""

from connector.binance.stream_name import parse_any
from connector.errors import BadMessage
from connector.feed.pipeline import Route, route_to


class Recorder:
    """A publisher with room for `room` records."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.most = room
        self.records: list[tuple[str, bytes, bytes, int]] = []
        self.dead: list[tuple[str, bytes, str]] = []

    def room(self) -> int:
        return self.most - len(self.records)

    def publish(self, topic: str, value: bytes, key: bytes, timestamp: int, received: int) -> None:
        del received
        assert self.room() > 0
        self.records.append((topic, value, key, timestamp))

    def dead_letter(self, source: str, raw: bytes, error: BadMessage, received: int) -> None:
        del received
        self.dead.append((source, raw, error.reason))


class Source:
    """A connection that knows acknowledgements and shutdown notices when it sees them."""

    def __init__(self, leg: int = 0) -> None:
        self.leg = leg
        self.controls: list[bytes] = []

    def control(self, frame: bytes) -> bool:
        if frame.startswith(b'{"result"') or b"!serverShutdown" in frame:
            self.controls.append(frame)
            return True
        return False


def route(product: str, name: str) -> Route:
    """Return a stream's route as the service makes it."""
    stream = parse_any(product, name)  # type: ignore[arg-type]
    return route_to(f"binance.{product}.{stream.row.kind}", 7, stream, {})
