"""Which code transcodes frames, and why."""

import json
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from connector import version
from connector.codec.native.loader import choose
from connector.errors import Refused

ROOT = Path(__file__).parents[3]
CRATE = ROOT / "connector" / "codec" / "native"


class Compiled(ModuleType):
    """A module as cargo builds it."""

    class Reader:
        """Its only class."""

    def __init__(self, version: str) -> None:
        super().__init__("compiled")
        self.__version__ = version


@pytest.mark.parametrize("mode", ["auto", "require"])
def test_the_compiled_module_is_used_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setitem(sys.modules, "compiled", Compiled(version()))

    choice = choose(mode, "compiled")  # type: ignore[arg-type]

    assert isinstance(choice.reader, Compiled.Reader)
    assert (choice.name, choice.text) == ("native", f"native {version()}")


def test_off_is_python_whatever_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "compiled", Compiled(version()))

    choice = choose("off", "compiled")

    assert (choice.reader, choice.name, choice.text) == (None, "python", "python (native: off)")


@pytest.mark.parametrize(
    ("compiled", "why"),
    [
        (None, "compiled is not installed"),
        ("0.0.1", f"compiled is 0.0.1, this program {version()}"),
    ],
)
def test_without_a_module_of_this_version_it_is_python_or_no_start(
    monkeypatch: pytest.MonkeyPatch, compiled: str | None, why: str
) -> None:
    if compiled is not None:
        monkeypatch.setitem(sys.modules, "compiled", Compiled(compiled))

    choice = choose("auto", "compiled")
    with pytest.raises(Refused, match="native: require, but") as refused:
        choose("require", "compiled")

    assert (choice.reader, choice.name, choice.text) == (None, "python", f"python ({why})")
    assert why in str(refused.value)
    assert "`make native` builds it" in str(refused.value)


def test_a_module_that_cannot_be_loaded_is_named_with_its_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken_compiled.py").write_text("raise ImportError('libfoo.so: no such file')")
    monkeypatch.syspath_prepend(tmp_path)

    choice = choose("auto", "broken_compiled")

    assert choice.text == "python (broken_compiled cannot be loaded: libfoo.so: no such file)"


def test_both_distributions_have_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    crate = tomllib.loads((CRATE / "Cargo.toml").read_text())["package"]
    wanted = f"binance-kafka-connector-native=={project['version']}"

    assert crate["version"] == project["version"]
    assert project["optional-dependencies"]["native"] == [wanted]


def test_the_crate_is_locked() -> None:
    lock = tomllib.loads((CRATE / "Cargo.lock").read_text())
    others = [package for package in lock["package"] if package["name"] != "bkc-native"]

    assert [package["name"] for package in others if "checksum" not in package] == []
    assert json.dumps(others).count("registry+") == len(others)
