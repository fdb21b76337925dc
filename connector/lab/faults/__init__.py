"""Faults by name. Each is a dataclass of its parameters; `strike` runs it until it is over.

From a test: `await exchange.inflict(Skip("btcusdt@trade", 3))`, or `exchange.begin(...)` for a
task. From the command line: `skip:btcusdt@trade,3@10s` (schedule.py). Times are seconds. Where a
fault has a `product`, None means all of them; USD-M and options share one host, and so the faults
of connections.
"""

import dataclasses
from typing import ClassVar, Protocol

from connector.lab.faults.account import (
    AccountMalformed,
    AccountReorder,
    AccountRepeat,
    AccountTwin,
    KeyExpire,
    QueryBehind,
    QueryFail,
)
from connector.lab.faults.connections import (
    AcceptThenClose,
    BlackHole,
    Drop,
    Lifetime,
    RefuseHandshake,
    ServerShutdown,
    Stall,
)
from connector.lab.faults.market import ClockSkew, OddListing, SymbolStatus
from connector.lab.faults.messages import Duplicate, Mute, MuteStream, Reorder, Skip, Slow
from connector.lab.faults.payloads import IdJump, Malformed, Wrapper
from connector.lab.faults.registry import (
    RegistryAway,
    RegistryEmpty,
    RegistryFault,
    RegistryHtml,
    RegistryIds,
    RegistrySlow,
    RegistryTarget,
)
from connector.lab.faults.rest import (
    Refuse,
    RestBehind,
    RestBody,
    RestCache,
    RestSlow,
)
from connector.lab.faults.rest_rows import RestRows, RestUnsettled
from connector.lab.faults.subscriptions import (
    LargeRequests,
    LateAnswers,
    LateData,
    NeverSent,
    RefuseStream,
)
from connector.lab.faults.target import Target
from connector.lab.faults.ws_api import (
    ApiBan,
    ApiDrop,
    ApiExpire,
    ApiRefuse,
    ApiRevoke,
    ApiShutdown,
    ApiSilent,
)

__all__ = [
    "FAULTS",
    "AcceptThenClose",
    "AccountMalformed",
    "AccountReorder",
    "AccountRepeat",
    "AccountTwin",
    "AnyFault",
    "ApiBan",
    "ApiDrop",
    "ApiExpire",
    "ApiRefuse",
    "ApiRevoke",
    "ApiShutdown",
    "ApiSilent",
    "BlackHole",
    "ClockSkew",
    "Drop",
    "Duplicate",
    "Fault",
    "IdJump",
    "KeyExpire",
    "LargeRequests",
    "LateAnswers",
    "LateData",
    "Lifetime",
    "Malformed",
    "Mute",
    "MuteStream",
    "NeverSent",
    "OddListing",
    "QueryBehind",
    "QueryFail",
    "Refuse",
    "RefuseHandshake",
    "RefuseStream",
    "RegistryAway",
    "RegistryEmpty",
    "RegistryFault",
    "RegistryHtml",
    "RegistryIds",
    "RegistrySlow",
    "RegistryTarget",
    "Reorder",
    "RestBehind",
    "RestBody",
    "RestCache",
    "RestRows",
    "RestSlow",
    "RestUnsettled",
    "ServerShutdown",
    "Skip",
    "Slow",
    "Stall",
    "SymbolStatus",
    "Wrapper",
]


class Fault(Protocol):
    """A fault of the exchange."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[object]]]

    async def strike(self, exchange: Target) -> None:
        """Run the fault; return when it is over. Cancelled, it is over at once."""


AnyFault = Fault | RegistryFault

FAULTS: dict[str, type[AnyFault]] = {
    "drop": Drop,
    "reset": Drop,
    "stall": Stall,
    "black-hole": BlackHole,
    "accept-then-close": AcceptThenClose,
    "refuse-handshake": RefuseHandshake,
    "server-shutdown": ServerShutdown,
    "lifetime": Lifetime,
    "late-data": LateData,
    "late-answers": LateAnswers,
    "never-sent": NeverSent,
    "refuse-stream": RefuseStream,
    "large-requests": LargeRequests,
    "mute": Mute,
    "mute-stream": MuteStream,
    "skip": Skip,
    "duplicate": Duplicate,
    "reorder": Reorder,
    "slow": Slow,
    "malformed": Malformed,
    "id-jump": IdJump,
    "wrapper": Wrapper,
    "refuse": Refuse,
    "rest-body": RestBody,
    "rest-slow": RestSlow,
    "rest-behind": RestBehind,
    "rest-cache": RestCache,
    "rest-rows": RestRows,
    "rest-unsettled": RestUnsettled,
    "api-drop": ApiDrop,
    "api-silent": ApiSilent,
    "api-refuse": ApiRefuse,
    "api-ban": ApiBan,
    "api-revoke": ApiRevoke,
    "api-expire": ApiExpire,
    "api-shutdown": ApiShutdown,
    "account-repeat": AccountRepeat,
    "account-reorder": AccountReorder,
    "account-twin": AccountTwin,
    "account-malformed": AccountMalformed,
    "query-behind": QueryBehind,
    "query-fail": QueryFail,
    "key-expire": KeyExpire,
    "symbol-status": SymbolStatus,
    "odd-listing": OddListing,
    "clock-skew": ClockSkew,
    "registry-away": RegistryAway,
    "registry-html": RegistryHtml,
    "registry-slow": RegistrySlow,
    "registry-empty": RegistryEmpty,
    "registry-ids": RegistryIds,
}
