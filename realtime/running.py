"""Runs the service in this process: the reactor, its signals, and the way out."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning

from realtime.descriptors import room_for
from realtime.edition import published
from realtime.errors import Unavailable
from realtime.listening import AdoptingReactor, OwnReactor, endpoint, told, url
from realtime.logs import NO_FIRST_ADMIN_LINK
from realtime.reload import is_child
from realtime.service import ChatService
from realtime.worker import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from realtime.config import Config
    from realtime.worker import Inheritance

logger = logging.getLogger(__name__)

COLLECT_ALL_AFTER = 100
"""After how many looks at what is not quite new the collector looks at everything (700,000 objects more)."""


def run(
    config: Config,
    descriptions: Sequence[str],
    application: Callable[..., Any],
    announce: Callable[[list[str], str | None], None],
    inheritance: Inheritance | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code.

    Once all endpoints listen, `announce` gets the addresses and, where there is no superuser yet, the path
    of a new link to make one: not before, since it voids the link that a running server has told. What is
    inherited from a parent is adopted in the place of sockets of our own; then the end of the parent is a
    reason to stop too, and the parent tells the link. Where a thread hangs, the process ends here and does
    not return: Python would wait for that thread for ever.

    Raises:
        NotStarted: an endpoint cannot be understood or cannot listen, the database does not answer, or too
            few files may be open.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    go_by_a_steady_clock(reactor)
    config = replace(config, connections=room_for(config.connections))
    line = Line(inheritance.line, reactor, lambda: _stop(reactor)) if inheritance else None
    listener = AdoptingReactor(reactor, inheritance.listening) if inheritance else OwnReactor(reactor)
    endpoints = [endpoint(listener, description) for description in descriptions]
    edition = published(shortened=bool(config.minify), changing=settings.DEBUG or is_child(os.environ))
    service = ChatService(reactor, config, endpoints, application, edition=edition)
    refused: list[Exception] = []

    async def start() -> None:
        try:
            await service.start()
            urls = [url(d, p.getHost()) for d, p in zip(descriptions, service.ports, strict=True)]
            link = await _first_admin_link(service) if inheritance is None else None
            if service.stopping:
                return
            announce(urls, link)
            _collect_seldom()
            if line is not None:
                line.say_ready()
        except Exception as error:  # noqa: BLE001 (told below)
            refused.append(error)
            _stop(reactor)

    reactor.callWhenRunning(_stop_at_signals, reactor)
    if line is not None:
        reactor.callWhenRunning(line.listen)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(start()))
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()
    _ignore_signals()
    if service.hung:
        _leave_at_once(refused)
    if refused:
        raise told(refused[0], descriptions[len(service.ports) % len(descriptions)])
    return 0


def go_by_a_steady_clock(reactor: Any) -> None:
    """Have timers go by a clock that nobody sets.

    Twisted's own are due at a time of day: when that is set an hour forth, all fall due at once and peers
    are dropped as dead; set back, none does for an hour, and nobody hears of what other processes wrote.
    """
    reactor.seconds = time.monotonic


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


async def _first_admin_link(service: ChatService) -> str | None:
    try:
        return await service.database.first_admin_link()
    except Unavailable as error:
        logger.warning(NO_FIRST_ADMIN_LINK, error.__cause__ or error)
        return None


def _collect_seldom() -> None:
    """Have Python's collector pass over what was made until now, which stays, and seldom look at everything.

    It would look through all connections and all of Django whenever some more of them had come: a tenth of a
    second each time, in the middle of a herd.
    """
    gc.collect()
    gc.freeze()
    newest, newer, _all = gc.get_threshold()
    gc.set_threshold(newest, newer, COLLECT_ALL_AFTER)


def _leave_at_once(refused: list[Exception]) -> None:
    """End the process without waiting for its threads: the last resort, when one of them hangs."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if refused else 0)
