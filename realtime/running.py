"""Runs the service in this process: the reactor, its signals, and the way out."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.conf import settings
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError, ReactorNotRunning

from realtime.errors import Unavailable
from realtime.service import ChatService

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime.config import Config

logger = logging.getLogger(__name__)

BACKLOG = 1024


class NotStarted(Exception):  # noqa: N818  (what happened)
    """The server cannot run; the message says why, in one line."""


def run(
    config: Config,
    descriptions: Sequence[str],
    application: Callable[..., Any],
    announce: Callable[[list[str], str | None], None],
) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code.

    Once all endpoints listen, `announce` gets the addresses and, where there is no superuser yet, the path
    of a new link to make one: not before, since it voids the link that a running server has told. Where a
    thread hangs, the process ends here and does not return: Python would wait for that thread for ever.

    Raises:
        NotStarted: an endpoint cannot be understood or cannot listen, or the database does not answer.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    endpoints = [_endpoint(reactor, description) for description in descriptions]
    service = ChatService(reactor, config, endpoints, application, static_url=settings.STATIC_URL)
    refused: list[Exception] = []

    async def start() -> None:
        try:
            await service.start()
            link = await service.database.first_admin_link()
            announce([url(d, p.getHost()) for d, p in zip(descriptions, service.ports, strict=True)], link)
        except Exception as error:  # noqa: BLE001 (told below)
            refused.append(error)
            _stop(reactor)

    reactor.callWhenRunning(_stop_at_signals, reactor)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(start()))
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()
    _ignore_signals()
    if service.hung:
        _leave_at_once(refused)
    if refused:
        raise _told(refused[0], descriptions[len(service.ports) % len(descriptions)])
    return 0


def _stop_at_signals(reactor: Any) -> None:
    """Stop at SIGTERM and SIGINT. A second one changes nothing, where Twisted's own way logs a traceback."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: reactor.callFromThread(_stop, reactor))


def _ignore_signals() -> None:
    """Let nothing end what is ending well: Python's own way out would make signals deadly once more."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


def _stop(reactor: Any) -> None:
    with suppress(ReactorNotRunning):  # it is stopping already
        reactor.stop()


def _endpoint(reactor: Any, description: str) -> Any:
    kind = description.partition(":")[0]
    if kind in {"tcp", "tcp4", "tcp6", "ssl"} and "backlog=" not in description:
        description += f":backlog={BACKLOG}"
    try:
        return serverFromString(reactor, description)
    except Exception as error:  # noqa: BLE001 (endpoint parsers raise what they like)
        told = str(error) or type(error).__name__
        raise NotStarted(
            f"--listen {description!r} is no endpoint that Twisted understands: {told}"
        ) from None


def _told(error: Exception, description: str) -> Exception:
    """Return what to raise for an error of the start; one that only a bug explains stays as it is."""
    if isinstance(error, Unavailable):
        return NotStarted(error.detail)
    if isinstance(error, CannotListenError):
        error = error.socketError
    if isinstance(error, OSError | OverflowError):
        return NotStarted(f"Cannot listen on {description}: {getattr(error, 'strerror', None) or error}")
    return error


def _leave_at_once(refused: list[Exception]) -> None:
    """End the process without waiting for its threads: the last resort, when one of them hangs."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if refused else 0)


def url(description: str, address: Any) -> str:
    """Return where a browser finds what listens at an address."""
    scheme = "https" if description.startswith("ssl:") else "http"
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is None or port is None:
        return description
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"{scheme}://{shown}:{port}/"
