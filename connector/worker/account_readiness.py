"""Which accounts are right: what /readyz, /status and the metrics say of them."""

from collections.abc import Callable, Mapping
from functools import partial

from connector.account.registry import AccountRegistry
from connector.account.stored_progress import AccountKey
from connector.kafka.producer import Producer
from connector.worker.account_pipeline import AccountPipeline
from connector.worker.account_reconciler import AccountReconciler


class AccountReadiness:
    """Judges each account and product of a worker.

    Args:
        registry, pipeline, producer: Of the worker.

    Attributes:
        reconcilers: By account and product; empty until the takeover is over.
    """

    def __init__(
        self, registry: AccountRegistry, pipeline: AccountPipeline, producer: Producer
    ) -> None:
        self._registry, self._pipeline, self._producer = registry, pipeline, producer
        self.reconcilers: Mapping[AccountKey, AccountReconciler] = {}

    def is_right(self, key: AccountKey) -> bool:
        """Say whether a reader's view of an account and product is right: all is committed."""
        tracker = self._registry.trackers.get(key)
        if tracker is None or not tracker.is_right or self._pipeline.is_overloaded(key[0]):
            return False
        return self._producer.commits >= tracker.settled_at

    def cause(self, key: AccountKey) -> str | None:
        """Return why an account and product is not right; None: that is not known."""
        tracker, refused = self._registry.trackers.get(key), self._pipeline.refused.get(key)
        if refused is not None or tracker is None:
            return refused
        if not tracker.is_covered:
            return "not subscribed"
        trouble = self.reconcilers[key].trouble if key in self.reconcilers else ""
        return f"being reconciled{f': {trouble}' if trouble else ''}"

    def parts(self) -> dict[str, Callable[[], bool]]:
        """Return a part of readiness for each account and product: `alias/product`."""
        return {"/".join(key): partial(self.is_right, key) for key in self._registry.account_keys()}

    def causes(self) -> dict[str, Callable[[], str | None]]:
        """Return what says why such a part is not met."""
        return {"/".join(key): partial(self.cause, key) for key in self._registry.account_keys()}
