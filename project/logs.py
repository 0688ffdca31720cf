"""One log stream, for people or as JSON; nothing that was sent in can forge a line or steer a terminal."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# C0 and C1 controls, line and paragraph separators, bidirectional overrides, and lone surrogates.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# PostgreSQL quotes the failing row: message bodies, session keys.
_DETAIL = re.compile(r"\nDETAIL:.*", re.DOTALL)
# Django tells the path of a request that it refuses, and a path may be a one-time link: long parts are cut.
_LONG_SEGMENT = re.compile(r"(?<=/)([\w-]{4})[\w-]{20,}")
# Requests that Django refuses (a foreign Host, say): what was refused is told, not where in Django.
_REFUSED = "django.security"


def configuration(*, level: str, as_json: bool) -> dict[str, Any]:
    """Return the `LOGGING` setting: all of it to standard error, from `level` (one of `LEVELS`) up."""
    own_way = {"handlers": [], "level": "NOTSET", "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": "project.logs.LineFormatter"},
            "json": {"()": "project.logs.JsonFormatter"},
        },
        "handlers": {
            "stream": {"class": "logging.StreamHandler", "formatter": "json" if as_json else "line"},
        },
        "root": {"handlers": ["stream"], "level": level},
        "loggers": {
            # Django's defaults have handlers of their own, and e-mail.
            "django": own_way,
            "django.server": own_way,
            # At DEBUG these tell each statement with its parameters: session keys, message bodies.
            "django.db.backends": {"level": "INFO"},
        },
    }


def escaped(text: str) -> str:
    r"""Return `text` in one line; what could do more than be shown is written as \x1b or \u2028."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


class LineFormatter(logging.Formatter):
    """`2026-11-20T12:00:00.123Z INFO logger: message`, a traceback's lines indented below it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text; every line but the first begins with space."""
        head = f"{_moment(record)} {record.levelname} {escaped(record.name)}: {escaped(_message(record))}"
        return "\n".join(
            [head, *(f"    {escaped(line)}" for line in _trace(self, record).split("\n") if line)]
        )


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of ASCII."""
        told = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        if trace := _trace(self, record):
            told["traceback"] = trace
        return json.dumps(told)


def _moment(record: logging.LogRecord) -> str:
    return (
        datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _message(record: logging.LogRecord) -> str:
    told = _DETAIL.sub("", record.getMessage())
    return _LONG_SEGMENT.sub(r"\1…", told) if record.name.startswith("django.") else told


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Return the traceback and the stack of a record, the rows that PostgreSQL quotes taken out."""
    parts = []
    if record.exc_info and record.exc_info[1] and not record.name.startswith(_REFUSED):
        text = formatter.formatException(record.exc_info)
        for error in _chain(record.exc_info[1]):
            told = str(error)
            text = text.replace(told, _DETAIL.sub("", told)) if "\nDETAIL:" in told else text
        parts.append(text)
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return "\n".join(parts)


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
