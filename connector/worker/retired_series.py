"""Series that the previous writer read, and that have left the plan while no writer ran.

They are settled as those that leave a running plan: their gaps get a last marker, their coverage
ends, their progress is deleted.
"""

from collections.abc import Mapping

from connector.binance.catalogue import OTHER_FUTURES, is_merged
from connector.binance.products import Product
from connector.binance.stream_name import Stream
from connector.codec.framing import prefix
from connector.continuity.audit.topic_reader import stream_of
from connector.continuity.gap_tracker import GapTracker
from connector.errors import BadMessage
from connector.feed.route import record_key
from connector.planning.model import Plan
from connector.planning.placement import shard_of
from connector.telemetry import events


def retire_series(
    gap_tracker: GapTracker,
    plan: Plan,
    schema_ids: Mapping[str, int],
    instance: str,
    shard: int,
    shards: int,
) -> None:
    """Settle what has left the plan since the previous writer of this shard; log how much it is.

    Call it when the streams of the plan have their routes.

    Args:
        gap_tracker: It has taken over.
        plan, schema_ids: The first plan of this worker, and topic -> schema id.
        instance, shard, shards: The writer, and how many shards there are.
    """
    carried = _carried(plan)
    keys = {planned.topic: planned.key for planned in plan.streams}
    retired = gaps = 0
    for name, progress in list(gap_tracker.unclaimed.items()):
        product, symbol, topic = (progress[field] for field in ("product", "symbol", "topic"))
        if progress["instance"] != instance or (product, progress["stream_name"]) in carried:
            continue
        if progress["shard"] != shard and progress["shard"] < shards:
            continue  # another shard's; of those that are no more, each shard settles its part
        try:
            stream = stream_of(product, progress["stream_name"])
        except BadMessage as error:
            events.series_not_retired(name, str(error))
            continue
        if any(shard_of(reader, stream.name, shards) != shard for reader in _readers(stream)):
            continue  # another shard may read it now
        known = topic in keys
        head = prefix(schema_ids[topic], symbol, product, stream.name) if known else None
        key = record_key(keys[topic], stream, product, symbol) if known else b""
        gap_tracker.retire(stream, symbol, head, key)
        retired, gaps = retired + 1, gaps + len(progress["open_gaps"])
    if retired:
        events.series_retired(retired, gaps)


def _carried(plan: Plan) -> set[tuple[str, str]]:
    """Return product and stream name of all series that the plan's streams may carry."""
    own = {(planned.stream.product, planned.stream.name) for planned in plan.streams}
    merged = {
        (str(planned.other_product), planned.stream.name)
        for planned in plan.streams
        if planned.other_product_topic is not None
    }
    return own | merged


def _readers(stream: Stream) -> set[Product]:
    """Return the products whose streams of this name carry a series."""
    return {stream.product, *([OTHER_FUTURES[stream.product]] if is_merged(stream.row) else [])}
