"""What a gap tracker requests of REST, as data, and the policy for what may be requested."""

from dataclasses import dataclass

from connector.binance.catalogue.row import Row
from connector.continuity.gap import Gap
from connector.continuity.series import Series


@dataclass(frozen=True, slots=True)
class FillGap:
    """Fetch the events of a gap; it stands among the open gaps of its series."""

    series: Series
    gap: Gap


@dataclass(frozen=True, slots=True)
class SnapshotBook:
    """Fetch the present state of an order book."""

    series: Series  # one of its changes
    gap_id: str | None  # the gap after which it is wanted; None: at the start of a coverage
    since: int | None = None  # a book of an older id does not join; None: any does
    fewer_than: int | None = None  # levels a side of the book that Kafka refused; None: of none


@dataclass(frozen=True, slots=True)
class ConfirmReset:
    """Compare REST's newest id with the last one of a series that delivers repeats only."""

    series: Series


RestRequest = FillGap | SnapshotBook | ConfirmReset


@dataclass(frozen=True, slots=True)
class FillPolicy:
    """What REST may be asked for."""

    enabled: bool = False  # `backfill.enabled`; False: nothing
    has_key: bool = False  # there is an API key for calls that need one
    books: bool = True  # `backfill.books`: order books get snapshots

    def why_unfillable(self, row: Row, gap: Gap) -> str | None:
        """Return why REST cannot fill a gap, for the marker's `detail`; None if it can."""
        if not row.fillable:
            return "REST does not have it"
        if not self.enabled:
            return "backfill.enabled is false"
        if row.backfill is not None and row.backfill.needs_key and not self.has_key:
            return "the call needs an API key: set backfill.api_key_file"
        if gap.after_id is None or (gap.before_id is None and not gap.whole):
            return "its edges have no ids"
        return None

    def gives_snapshots(self, row: Row) -> bool:
        """Say whether the series of a row get snapshots of their order book."""
        return self.enabled and self.books and row.has_snapshots

    def confirms_resets(self, row: Row) -> bool:
        """Say whether REST may be asked for the newest id of a row's series."""
        return self.enabled and (row.fillable or row.has_book_ids)
