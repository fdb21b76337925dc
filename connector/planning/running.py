"""What a worker runs, known by names alone, as the plan before the next one. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from connector.binance.products import Product
from connector.binance.stream_name import recognise
from connector.planning.diff import Moves, Names, compare, names_of, product_of
from connector.planning.model import Bundle, Identity, Planned
from connector.planning.plan import Plan, Selected, Subscription


@dataclass(frozen=True, slots=True)
class Running:
    """The stream names of each connection of a worker.

    Raises:
        Refused: (all of its methods) a connection's or stream's name that is none.
    """

    names: Names

    def before(self, subscriptions: Iterable[Subscription]) -> Plan:
        """Return what was selected: symbols that are read now leave late."""
        symbols: dict[Product, tuple[str, ...]] = {}
        for bundle, streams in self.names.items():
            product = product_of(bundle)
            symbols[product] = (*symbols.get(product, ()), *_symbols(product, streams))
        selected: Selected = {
            (one.product, one.selection): symbols.get(one.product, ()) for one in subscriptions
        }
        return Plan((), selected=selected)

    def placed(self, plan: Plan) -> Plan:
        """Return the running connections with the streams that go on, as planned anew."""
        planned = {one.identity: one for one in plan.planned}
        bundles = (self._bundle(name, streams, planned) for name, streams in self.names.items())
        return Plan(tuple(one for one in bundles if one is not None), selected=plan.selected)

    def moves(self, plan: Plan) -> Moves:
        """Return what a plan changes."""
        return compare(self.names, names_of(plan.bundles))

    def _bundle(
        self, name: str, streams: Collection[str], planned: Mapping[Identity, Planned]
    ) -> Bundle | None:
        product = product_of(name)
        stay = tuple(planned[product, each] for each in streams if (product, each) in planned)
        if not stay:
            return None
        return Bundle(name, product, stay[0].endpoint, stay, stay[0].time_unit)


def _symbols(product: Product, streams: Collection[str]) -> Sequence[str]:
    found = (recognise(product, name).parameters.get("symbol", "") for name in streams)
    return [symbol.upper() for symbol in found if symbol]
