"""Sets logging up: JSON for machines, readable lines on a terminal."""

import functools
import logging
import sys

import structlog


def configure(*, json: bool, level: str = "INFO") -> None:
    """Set up logging for the process, from `level` up; all lines go to standard error."""
    number = logging.getLevelNamesMapping()[level]
    renderer = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([structlog.processors.format_exc_info] if json else []),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")


@functools.cache
def librdkafka_logger() -> logging.Logger:
    """Return a logger for librdkafka that shows nothing: its errors come through `error_cb`."""
    logger = logging.getLogger("librdkafka")
    logger.setLevel(logging.CRITICAL)
    return logger
