"""A scenario of the alert run: a cause, and the alerts that must fire for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.alerts.stage import AlertStage

LONG_S = 3_600.0  # of a fault that ends with its scenario
Act = Callable[[AlertStage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AlertScenario:
    """A cause, and the alerts that must fire while it is there.

    `act` causes it, waits for the alerts with `stage.fires`, and undoes it. Faults that it began
    with `stage.begin` end with it.
    """

    name: str
    act: Act
    alerts: tuple[str, ...]
