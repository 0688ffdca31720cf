"""Django's pages as a resource: its views in a pool's threads, their answers no faster than they are taken.

Twisted's WSGI writes whatever an application yields, and so would hold the whole of a long download in memory
for a client that reads slowly. Here the thread waits until what it wrote last has left.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IPushProducer
from twisted.web import resource, wsgi
from zope.interface import implementer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from twisted.python.threadpool import ThreadPool

logger = logging.getLogger(__name__)

PATIENCE_S = 60.0
"""How long a client may take nothing at all of an answer that is not over."""


class Pages(resource.Resource):
    """Django, by WSGI."""

    isLeaf = True

    def __init__(
        self,
        reactor: Any,
        pool: ThreadPool,
        application: Callable[..., Any],
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Run `application` in the threads of `pool`."""
        super().__init__()
        self._reactor = reactor
        self._pool = pool
        self._application = application
        self._patience_s = patience_s

    def render(self, request: Any) -> Any:
        """Have a thread answer."""
        flow = Flow(self._reactor, request, self._patience_s)
        paced = flow.paced(self._application)
        return wsgi.WSGIResource(self._reactor, self._pool, paced).render(request)


@implementer(IPushProducer)
class Flow:
    """How fast one answer goes: a thread that is ahead of the client waits."""

    def __init__(self, reactor: Any, request: Any, patience_s: float) -> None:
        """Watch the request, in the reactor's thread."""
        self._reactor = reactor
        self._request = request
        self._patience_s = patience_s
        self._open = threading.Event()
        self._open.set()
        self._over = False
        request.registerProducer(self, True)  # noqa: FBT003  (Twisted's own)
        request.notifyFinish().addBoth(self._end)

    def pauseProducing(self) -> None:
        """Have the thread wait: what it wrote is not taken yet."""
        self._open.clear()

    def resumeProducing(self) -> None:
        """Let the thread go on."""
        self._open.set()

    def stopProducing(self) -> None:
        """Let the thread find that nobody is there any more."""
        self._open.set()

    def _end(self, _result: object) -> None:
        self._over = True
        self._open.set()

    def _cut(self) -> None:
        if not self._over:
            self._request.channel.transport.abortConnection()

    def _leave(self) -> None:
        """Be no producer any more, before the request is finished. One that was cut off has no channel."""
        if not self._over:
            self._request.unregisterProducer()

    def paced(self, application: Callable[..., Any]) -> Callable[..., Iterator[bytes]]:
        """Return the application, its answer yielded as it is taken, a piece ahead.

        So the thread of an answer in one piece is free as soon as that is written.
        """

        def thd_answer(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
            pieces: Any = None
            try:
                pieces = application(environ, start_response)
                rest = iter(pieces)
                piece = next(rest, None)
                while piece is not None:
                    yield piece
                    # Whoever asks for the next piece has written this one.
                    piece = next(rest, None)
                    if piece is not None and not self._open.wait(self._patience_s):
                        logger.info("A page whose client takes nothing of it is cut off")
                        self._reactor.callFromThread(self._cut)
                        return
            finally:
                if hasattr(pieces, "close"):
                    pieces.close()
                self._reactor.callFromThread(self._leave)

        return thd_answer
