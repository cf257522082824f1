"""Logs: one JSON object a line on standard error, without customer ids or bodies."""

import logging
import sys

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer


def configure(level: str = "info", *, cache: bool = True) -> None:
    """Set up logging for this process.

    Arguments:
        level: the least level that is written; requests that went well are `debug`.
        cache: whether loggers are fixed at their first use, which is faster.

    Raises:
        ValueError: there is no such level.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # without the frames' variables: they hold customers
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=cache,
    )
