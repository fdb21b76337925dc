"""Sets logging up: JSON for machines, readable lines on a terminal.

Lines of libraries take the same form: a log that is JSON has no line that is not.
"""

import functools
import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

from connector.telemetry.events import STARTING
from connector.telemetry.recent_events import RECENT

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_OURS = "connector"
_EVENTS = "connector.telemetry.events"  # the functions there stand between a module and the log
_INDENT = "    "  # of what continues a line
_REPORTED = ("FAIL", "ERROR")  # what librdkafka both logs and gives to `error_cb`


def configure(*, json: bool, level: str = "INFO", levels: Mapping[str, str] | None = None) -> None:
    """Set up logging for the process; all lines go to standard error.

    Libraries are heard from WARNING up, as event `library_message`; librdkafka, whose setting
    `debug` is for that, from `level` up.

    Args:
        json: One JSON object a line; else for people.
        level: The lowest that is logged.
        levels: Others, for modules of ours and of libraries and all below them.
    """
    number = logging.getLevelNamesMapping()[level]
    own, others = _split(levels or {})
    stamps: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if json else "%Y-%m-%dT%H:%M:%SZ", utc=True),
    ]
    renderers: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if json
        else [_console_renderer()]
    )
    structlog.configure(
        processors=[*_module_filter(number, own), *stamps, RECENT, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(min([number, *own.values()])),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*stamps, _of_a_library, RECENT],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler])
    librdkafka_logger().setLevel(number)
    for name, least in others.items():
        logging.getLogger(name).setLevel(least)
    logging.captureWarnings(capture=True)


def _split(levels: Mapping[str, str]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the numbers of levels: of our modules, and of libraries."""
    numbers = {name: logging.getLevelNamesMapping()[level] for name, level in levels.items()}
    own = {name: number for name, number in numbers.items() if name.split(".")[0] == _OURS}
    return own, {name: number for name, number in numbers.items() if name not in own}


def _module_filter(level: int, levels: Mapping[str, int]) -> list[structlog.typing.Processor]:
    """Return what leaves out the lines below the level of the module that logs them."""
    if not levels:
        return []
    module = structlog.processors.CallsiteParameter.QUAL_MODULE
    numbers = logging.getLevelNamesMapping()

    def leave_out(
        _logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        parts = str(event.pop(module.value)).split(".")
        names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        least = next((levels[name] for name in names if name in levels), level)
        if numbers[method.upper()] < least:
            raise structlog.DropEvent
        return event

    adder = structlog.processors.CallsiteParameterAdder({module}, additional_ignores=[_EVENTS])
    return [adder, leave_out]


def _of_a_library(
    _logger: object, _level: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Give a library's line the name of an event; its text may say anything."""
    library, text = event["_record"].name, event["event"]
    return {**event, "event": "library_message", "library": library, "text": text}


def _console_renderer() -> structlog.typing.Processor:
    """Return what renders an event for people; on a terminal, lines break between words.

    A traceback shows no values of variables: they may be secrets.
    """
    on_terminal = sys.stderr.isatty()
    plain = structlog.dev.plain_traceback
    render = structlog.dev.ConsoleRenderer(
        colors=on_terminal, exception_formatter=plain, pad_event_to=0
    )

    def render_lines(logger: Any, level: str, event: MutableMapping[str, Any]) -> str:
        width = os.get_terminal_size(sys.stderr.fileno()).columns if on_terminal else 0
        block = _block(event, width) if event["event"] == STARTING else ""
        text = str(render(logger, level, event))
        line, newline, rest = text.partition("\n")
        return wrap(line, width) + newline + rest + block

    return render_lines


def _block(event: MutableMapping[str, Any], width: int) -> str:
    """Take the facts out of an event; return them as lines, a name and its value each."""
    names = [name for name in event if name not in ("event", "level", "timestamp", "version")]
    column = max(map(len, names), default=0)
    lines = [""]
    for name in names:
        value = event.pop(name)
        text = ", ".join(value) if isinstance(value, list) else str(value)
        lines.append(wrap(f"{_INDENT}{name:{column}}  {text}", width))
    return "\n".join(lines)


def wrap(line: str, width: int) -> str:
    """Break a line between words so that none is longer than `width` columns, where that can be.

    Colour codes take no column. What continues the line is indented. Width 0 is not known: the line
    stays whole.
    """
    if not width:
        return line
    lines, room = [""], width
    for number, word in enumerate(line.split(" ")):
        columns = len(_COLOUR.sub("", word))
        if number and columns + 1 > room:
            lines.append(_INDENT + word)
            room = width - len(_INDENT) - columns
        else:
            lines[-1] += f" {word}" if number else word
            room -= columns + bool(number)
    return "\n".join(text.rstrip(" ") for text in lines)


@functools.cache
def librdkafka_logger() -> logging.Logger:
    """Return the logger for librdkafka's clients, without what `error_cb` reports as well."""
    logger = logging.getLogger("librdkafka")
    logger.setLevel(logging.WARNING)
    logger.addFilter(lambda record: _facility(record) not in _REPORTED)
    return logger


def _facility(record: logging.LogRecord) -> str:
    """Return the first word of a line of librdkafka: FAIL, CONFWARN, REQTMOUT, ..."""
    return record.getMessage().partition(" ")[0]
