"""What causes the alerts of the account worker."""

import time

from connector.lab.faults import ApiBan, ApiDrop, ApiRevoke, QueryFail
from tests.alerts.scenario import LONG_S, AlertScenario
from tests.alerts.stage import AlertStage

CUT_S = 12.0  # with the two minutes of the rules, a sixtieth, in it several times


async def _stream_cut(stage: AlertStage) -> None:
    """Cut the connections to the WS API, and refuse new ones for a while."""
    stage.begin(ApiBan(CUT_S))
    await stage.strike(ApiDrop())
    await stage.fires("BkcAccountUncovered", "BkcAccountNotRight")
    await stage.accounts.worker.until_ready()


async def _key_revoked(stage: AlertStage) -> None:
    """Revoke the key, and cut what it has opened; in the end a person replaces the key files."""
    stage.begin(ApiRevoke(LONG_S))
    await stage.strike(ApiDrop())
    await stage.fires("BkcAccountRefused")
    stage.accounts.replace_key()
    await stage.accounts.worker.until_ready()


async def _reconciliation_fails(stage: AlertStage) -> None:
    """Cut the connections; the fills of the break cannot be asked for."""
    stage.begin(QueryFail("myTrades", 1_000))
    await stage.strike(ApiDrop())
    await stage.fires("BkcAccountGapPartial")


async def _unknown_event(stage: AlertStage) -> None:
    """Send an event of a type that has no layout."""
    event = {"e": "somethingNew", "E": time.time_ns() // 1_000_000}
    stage.exchange.accounts.publish(stage.accounts.accounts["spot"], [event])
    await stage.fires("BkcAccountUnknownEvents")


# First those whose alerts end last: they look back for an hour.
ACCOUNT_SCENARIOS = (
    AlertScenario("unknown event of an account", _unknown_event, ("BkcAccountUnknownEvents",)),
    AlertScenario("private stream cut", _stream_cut, ("BkcAccountUncovered", "BkcAccountNotRight")),
    AlertScenario("key revoked", _key_revoked, ("BkcAccountRefused",)),
    AlertScenario("reconciliation fails", _reconciliation_fails, ("BkcAccountGapPartial",)),
)
