"""docs/lab.md shows what there is: its faults, its schedule, its Python."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from connector.cli.lab import app
from connector.config.yaml_source import parse
from connector.lab.faults import schedule
from tests.support.waiting import in_time

PAGE = (Path(__file__).parent.parent.parent / "docs" / "lab.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_table_of_faults_is_whole() -> None:
    rows = re.findall(r"^\| (`[a-z`, -]+) \| ([a-z_, ]+) \| ", PAGE, re.MULTILINE)
    shown = {
        name: defaults for names, defaults in rows for name in re.findall(r"`([a-z-]+)`", names)
    }

    assert shown == {name: parameters for name, parameters, _ in schedule.usage()}


def test_the_schedule_shown_is_good() -> None:
    [text] = blocks("text")

    assert [entry.start for entry in schedule.read(text, "evil.txt")] == [10.0, 30.0, 45.0, 120.0]


def test_the_commands_shown_have_options_that_exist() -> None:
    group: Any = typer.main.get_command(app)
    shown = re.findall(r"^bkc lab (\w+)([^#\n]*)", "".join(blocks("sh")), re.MULTILINE)

    assert len(shown) >= 8
    for name, rest in shown:
        known = [
            option for option_name in group.commands[name].params for option in option_name.opts
        ]
        assert set(re.findall(r"--[a-z]+", rest)) <= set(known), name


def test_the_config_shown_names_the_four_products() -> None:
    [text] = blocks("yaml")

    assert sorted(parse(text, "page")[0]["exchange"]) == ["coinm", "options", "spot", "usdm"]


@pytest.mark.lab
@pytest.mark.parametrize("code", blocks("python"))
async def test_the_python_shown_runs(code: str) -> None:
    compiled = compile(code, "page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {}

    await in_time(eval(compiled, names))  # noqa: S307 - our own page

    assert names["exchange"].bases.keys() == {"spot", "usdm", "coinm", "options"}
