"""Twisted's log as part of Python's: one stream."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from twisted.logger import ILogObserver, LogLevel, formatEvent, globalLogBeginner
from zope.interface import provider

if TYPE_CHECKING:
    from twisted.logger import LogEvent

LEVELS = {
    LogLevel.debug: logging.DEBUG,
    LogLevel.info: logging.INFO,
    LogLevel.warn: logging.WARNING,
    LogLevel.error: logging.ERROR,
    LogLevel.critical: logging.CRITICAL,
}
CHATTY = ("autobahn", "txaio", "log_legacy", "twisted.web.http", "twisted.internet")
"""What these tell below an error is of use to nobody but who looks for a bug."""

NO_FIRST_ADMIN_LINK = "No link for the first administrator was made (%s): `manage.py firstadmin` makes one"


@provider(ILogObserver)
def observe(event: LogEvent) -> None:
    """Pass an event of Twisted's on to Python's logging, with its traceback."""
    level = LEVELS.get(event.get("log_level", LogLevel.info), logging.INFO)
    name = str(event.get("log_namespace") or "twisted")
    if level <= logging.DEBUG:
        # autobahn tells whole handshakes there, cookies and all.
        return
    failure = event.get("log_failure")
    if level < logging.ERROR and failure is None and name.startswith(CHATTY):
        level = logging.DEBUG
    logger = logging.getLogger(name)
    if not logger.isEnabledFor(level):
        return
    trace = (failure.type, failure.value, failure.getTracebackObject()) if failure is not None else None
    logger.log(level, "%s", formatEvent(event) or "Unhandled failure", exc_info=trace)


def begin() -> None:
    """Send all of Twisted's log to Python's from now on. Standard output and error stay as they are."""
    globalLogBeginner.beginLoggingTo([observe], redirectStandardIO=False)
