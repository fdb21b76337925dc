"""Publishes events that were fetched through REST, behind the live ones."""

import time
from collections.abc import Awaitable, Callable

from connector.codec.rest_rows import RestEvent
from connector.continuity.series import Series
from connector.errors import BadMessage
from connector.feed.pipeline import Pipeline
from connector.feed.route import Codecs, codec_of


class RestEventPublisher:
    """Publishes fetched events; `wait_for_room` is awaited while the pipeline has no room."""

    def __init__(
        self, pipeline: Pipeline, codecs: Codecs, wait_for_room: Callable[[], Awaitable[None]]
    ) -> None:
        self._pipeline, self._codecs = pipeline, codecs
        self._wait_for_room = wait_for_room

    async def publish(
        self,
        series: Series,
        event: RestEvent,
        gap_id: str | None,
        origin: str,
        wanted: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Publish an event; return False if it went to the dead letter instead, or nowhere.

        Args:
            series: The series.
            event: Its times are milliseconds, whatever the stream's connection has.
            gap_id: None outside of gaps.
            origin: `backfill` or `snapshot`.
            wanted: Says whether it is to be published still, after a wait for room.
        """
        codec = codec_of(series.stream.row, "ms", self._codecs)
        while wanted():
            now_us = time.time_ns() // 1000
            try:
                if self._pipeline.recover(codec, series, event, gap_id, origin, now_us):
                    return True
            except BadMessage as error:
                stream = series.stream.name
                self._pipeline.dead_letters.send(series.topic, stream, event.payload, error, now_us)
                return False
            await self._wait_for_room()
        return False
