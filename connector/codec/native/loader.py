"""Whether frames are transcoded by `bkc_native`, and if not, why. Pure but for the import."""

import importlib
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from connector import version
from connector.errors import Refused

MODULE = "bkc_native"
CURE = "`make native` builds it (it needs cargo), and `pip install binance-kafka-connector[native]`"

Mode = Literal["auto", "off", "require"]
# Series, record, record time (ms), arguments of `Tracker.observe`, learned keys that it has.
TranscodedEvent = tuple[
    Any, bytes, int | None, int, int, int | None, bool | None, tuple[str, ...] | None
]


class NativeReader(Protocol):
    """`bkc_native.Reader`. What it is not sure of is None: Python decides what that becomes."""

    def read(
        self, routes: dict[bytes, Any], frames: list[bytes], receipt: bytes
    ) -> list[tuple[Any, list[TranscodedEvent]] | None]:
        """Return for each frame its route and events. Looks up, decodes, encodes; never raises."""

    def transcode(self, route: Any, payload: bytes, receipt: bytes) -> list[TranscodedEvent] | None:
        """Return the events of one payload. Never raises."""


@dataclass(frozen=True, slots=True)
class CodecChoice:
    """Which code transcodes frames.

    Attributes:
        reader: The compiled code; None: Python.
        name: native or python.
        text: The same for people, with the version, or why it is not native.
    """

    reader: NativeReader | None
    name: Literal["native", "python"]
    text: str


PYTHON = CodecChoice(None, "python", "python")


def choose(mode: Mode, module: str = MODULE) -> CodecChoice:
    """Return which code is to be used.

    Args:
        mode: auto: native where it is installed; off: Python; require: native or no start.
        module: Name of the compiled module.

    Raises:
        Refused: native is required and not there, or of another version.
    """
    if mode == "off":
        return CodecChoice(None, "python", "python (native: off)")
    try:
        native = importlib.import_module(module)
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and error.name == module
        why = f"{module} is not installed" if absent else f"{module} cannot be loaded: {error}"
        return _without(mode, why)
    if native.__version__ != version():
        return _without(mode, f"{module} is {native.__version__}, this program {version()}")
    return CodecChoice(native.Reader(), "native", f"native {native.__version__}")


def _without(mode: Mode, why: str) -> CodecChoice:
    if mode == "require":
        raise Refused(f"native: require, but {why}; {CURE}")
    return CodecChoice(None, "python", f"python ({why})")
