"""Every alert has a cause in the run of `make test-alerts`, or a reason why it has none."""

from tests.alerts.__main__ import ALL
from tests.alerts.rules import alerts
from tests.alerts.scenarios import NOT_CAUSED


def test_every_alert_is_caused_or_named_as_one_that_cannot_be() -> None:
    caused = {alert for scenario in ALL for alert in scenario.alerts}

    assert caused & NOT_CAUSED == set()
    assert caused | NOT_CAUSED == set(alerts())


def test_names_of_scenarios_are_unique() -> None:
    names = [scenario.name for scenario in ALL]

    assert sorted(names) == sorted(set(names))
