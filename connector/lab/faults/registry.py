"""Faults of the lab's schema registry."""

import asyncio
from dataclasses import dataclass
from typing import Protocol


class RegistryTarget(Protocol):
    """The registry."""

    available: bool
    is_html: bool
    delay_s: float

    def clear(self) -> None:
        """Forget every schema and subject."""
        ...

    def renumber(self, first_id: int) -> None:
        """Give every schema another id."""
        ...


class RegistryFault:
    """Base of the faults of the registry: `strike` takes it in place of the exchange."""

    __slots__ = ()

    async def strike(self, registry: RegistryTarget) -> None:
        """Run the fault; return when it is over. Cancelled, it is over at once."""


@dataclass(frozen=True, slots=True)
class RegistryAway(RegistryFault):
    """The registry answers 503 to everything."""

    seconds: float = 10.0

    async def strike(self, registry: RegistryTarget) -> None:
        """Answer 503 meanwhile."""
        registry.available = False
        try:
            await asyncio.sleep(self.seconds)
        finally:
            registry.available = True


@dataclass(frozen=True, slots=True)
class RegistryHtml(RegistryFault):
    """The registry answers with an HTML page of status 200, as a proxy in front of it may."""

    seconds: float = 10.0

    async def strike(self, registry: RegistryTarget) -> None:
        """Answer HTML meanwhile."""
        registry.is_html = True
        try:
            await asyncio.sleep(self.seconds)
        finally:
            registry.is_html = False


@dataclass(frozen=True, slots=True)
class RegistrySlow(RegistryFault):
    """The registry answers late."""

    delay: float = 3.0
    seconds: float = 60.0

    async def strike(self, registry: RegistryTarget) -> None:
        """Wait before each answer meanwhile."""
        registry.delay_s = self.delay
        try:
            await asyncio.sleep(self.seconds)
        finally:
            registry.delay_s = 0.0


@dataclass(frozen=True, slots=True)
class RegistryEmpty(RegistryFault):
    """The registry loses every schema and subject; what is registered next has `first` as id."""

    first: int = 100_001

    async def strike(self, registry: RegistryTarget) -> None:
        """Empty it; return at once."""
        registry.clear()
        registry.renumber(self.first)


@dataclass(frozen=True, slots=True)
class RegistryIds(RegistryFault):
    """Every schema gets another id, from `first` on; the old ids are unknown."""

    first: int = 200_001

    async def strike(self, registry: RegistryTarget) -> None:
        """Renumber; return at once."""
        registry.renumber(self.first)
