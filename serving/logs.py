"""Logs: one JSON object a line on standard error, without customer ids, bodies or keys.

What goes wrong is told by the type of the error and the lines it came through. Its message is
left out unless it is one of ours that says nothing of people: others quote what they choked on.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from features.errors import BundleError, StorageError

_TELLING = (StorageError, BundleError)
"""Errors whose messages name what failed, and never a value that came with a request."""

_FRAMES = 30
_CAUSES = 10

log = structlog.get_logger()


def configure(level: str = "info", *, cache: bool = True, to: TextIO | None = None) -> None:
    """Set up logging for this process, that of the libraries included.

    Arguments:
        level: the least level that is written; requests that went well are `debug`.
        cache: whether loggers are fixed at their first use, which is faster.
        to: where it is written; standard error when None.

    Raises:
        ValueError: there is no such level.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_values,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Unfailing(to or sys.stderr))),
        cache_logger_on_first_use=cache,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Libraries) for handler in root.handlers):
        root.addHandler(_Libraries(logging.WARNING))
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # it prints errors as they are
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


class _Unfailing:
    """A file for log lines: one that cannot be written, as on a full disk, breaks no answer."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._file.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


class _Libraries(logging.Handler):
    """What libraries log, in our form and without values."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record: its text without what was to be filled in, and its first line only."""
        text = str(record.msg).strip().split("\n")[0]
        if record.name == "asyncio":  # it shows whole objects
            text = text.split("(")[0].split("<")[0]
        log.log(record.levelno, text, logger=record.name, exc_info=record.exc_info)


def _without_values(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the types and places of an error and its causes in place of the error."""
    error = entry.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    causes: list[dict[str, Any]] = []
    while isinstance(error, BaseException) and len(causes) < _CAUSES:
        causes.append(_told(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if causes:
        entry["exception"] = causes
    return entry


def _told(error: BaseException) -> dict[str, Any]:
    told: dict[str, Any] = {"type": type(error).__name__}
    if isinstance(error, _TELLING):
        told["message"] = str(error)
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    told["frames"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return told
