"""Composes the realtime parts as a Twisted service; the order of start and stop is written down here."""

from __future__ import annotations

import logging
import random
import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.python.threadpool import ThreadPool

from realtime import limits, wire
from realtime.at_once import usual_way_out, way_out
from realtime.buckets import Sends
from realtime.client import Client
from realtime.database import Database
from realtime.departure import Departure
from realtime.direct import Direct, is_possible
from realtime.edition import Edition
from realtime.epochs import Epochs
from realtime.files import Files
from realtime.hearsay import Hearsay
from realtime.hub import Hub
from realtime.identities import Identities
from realtime.indexing import Indexing
from realtime.listener import Deaf, Listener
from realtime.markers import Markers
from realtime.notices import Notices, Silence
from realtime.packing import Packing
from realtime.places import Places
from realtime.poll import Poll
from realtime.presence import Presence
from realtime.site import Root, django_pages, site
from realtime.static import StaticFiles
from realtime.transports.api import Calls, Health
from realtime.transports.doorkeeper import Doorkeeper
from realtime.transports.downloads import Downloads
from realtime.transports.http import Api
from realtime.transports.longpoll import LongPolls
from realtime.transports.moderation_api import ModerationCalls
from realtime.transports.rooms_api import RoomCalls
from realtime.transports.sse import EventStreams
from realtime.transports.uploads import UploadCalls
from realtime.transports.websocket import Party, Upgrade
from realtime.writer import Writer
from rooms import signals

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
    from twisted.web.resource import IResource

    from realtime.client import Peer
    from realtime.config import Config
    from rooms.hints import Item
    from rooms.messages import Identity, RoomBatch

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pools:
    """The threads. One each: writes; asks for the poll; tells others; packs files. Some read, some render.

    Some prepare files that were uploaded, and some carry bytes to and from their storage.
    """

    writing: ThreadPool
    reading: ThreadPool
    polling: ThreadPool
    telling: ThreadPool
    packing: ThreadPool
    pages: ThreadPool
    preparing: ThreadPool
    carrying: ThreadPool

    @classmethod
    def of(cls, config: Config) -> Pools:
        """Return pools of the configured sizes, not yet started."""
        files = limits.FileLimits()
        return cls(
            ThreadPool(0, 1, "writing"),
            ThreadPool(0, config.read_threads, "reading"),
            ThreadPool(0, 1, "polling"),
            ThreadPool(0, 1, "telling"),
            ThreadPool(0, 1, "packing"),
            ThreadPool(0, config.page_threads, "pages"),
            ThreadPool(0, files.preparing_threads, "preparing"),
            ThreadPool(0, files.carrying_threads, "carrying"),
        )

    def all(self) -> tuple[ThreadPool, ...]:
        """Return every pool."""
        return (
            self.writing, self.reading, self.polling, self.telling, self.packing, self.pages, self.preparing,
            self.carrying,
        )  # fmt: skip


class ChatService(Service):
    """The whole server. A test starts it on port 0: `await service.start()`, `service.ports[0].getHost()`."""

    def __init__(
        self,
        reactor: Any,
        config: Config,
        endpoints: Sequence[IStreamServerEndpoint],
        application: Callable[..., Any],
        *,
        edition: Edition | None = None,
        pools: Pools | None = None,
    ) -> None:
        """Put the parts together; nothing runs yet. `application` is Django's, by WSGI."""
        self.setName("chat")
        self._reactor = reactor
        self._config = config
        self._endpoints = endpoints
        self._pools = pools or Pools.of(config)
        self._stopped = False
        self._when_stopped: list[Deferred[None]] = []
        self.stopping = False
        self.hung: list[str] = []
        """Pools whose threads did not end in time: the process must not wait for them."""
        self.ports: list[IListeningPort] = []
        self.departure = Departure()
        self._compose_core()
        self.site = site(
            self._compose_tree(application, self._compose_files(edition or Edition())),
            self.door,
            clock=reactor,
            config=config,
            limits=limits.HttpLimits(),
        )

    def _compose_core(self) -> None:
        pools = self._pools
        self.database = Database(
            self._reactor, pools.writing, pools.reading, pools.polling, limits.DatabaseLimits()
        )
        self.files = Files(self._reactor, pools.preparing, pools.carrying, self.database, limits.FileLimits())
        self.hub = Hub(self.database, self._reactor, encode=wire.encode_message, limits=limits.HubLimits())
        self.writer = Writer(
            self.database.append, self._reactor, told=self.hub.told, limits=limits.WriterLimits()
        )
        self.identities = Identities(self.database, self._reactor, limits.IdentityLimits())
        self.door = Doorkeeper(self.identities)
        polling = limits.PollLimits(heads_s=self._config.poll_interval_s)
        self.poll = Poll(self.database, self.hub, self.identities, self._reactor, polling)
        self.indexing = Indexing(self.database.index_some, self._reactor, limits.IndexingLimits())
        self.sends = Sends(self._config, self._reactor.seconds, _now, limits.SendLimits().buckets)
        self.presence = Presence(self._reactor, limits.PresenceLimits(), self._tell_others)
        self.markers = Markers(self.database.perform, self._reactor, limits.MarkerLimits())
        self.direct: Direct | None = None
        self.notices: Notices | Silence = Silence()
        self.listener: Listener | Deaf = Deaf()
        if self._config.listen and is_possible():
            self._compose_listener()

    def _tell_others(self, items: Iterable[Item]) -> None:
        self.notices.say(items)

    def _compose_listener(self) -> None:
        """Have this process hear others on the same database, and tell them."""
        origin = secrets.token_hex(8)
        self.direct = Direct(self._reactor, self._pools.telling, limits.DatabaseLimits())
        self.notices = Notices(
            origin, self.direct, self._reactor, limits.NoticeLimits(), lost=self.presence.ask_all
        )
        self.listener = Listener(
            self.direct,
            self._reactor,
            limits.ListenerLimits(),
            take=Hearsay(origin, self.hub, self.presence, self._access_changed).take,
            ping=lambda: self.notices.say([("ping",)]),
            connected=self._may_have_missed,
            random=random.random,
        )

    def _compose_files(self, edition: Edition) -> tuple[bytes, IResource]:
        shorten = bool(self._config.minify)
        packing = Packing(self._reactor, self._pools.packing, limits.StaticLimits(), shorten=shorten)
        return edition.url.encode(), StaticFiles(packing, edition)

    def _compose_tree(self, application: Callable[..., Any], files: tuple[bytes, IResource]) -> IResource:
        reactor, database = self._reactor, self.database
        door = self.door
        places = Places(max(1, self._config.connections * 9 // 10), self._config.connections_per_user)
        polls = LongPolls(self.hub, reactor, self.identities, self.departure, places)
        streams = EventStreams(
            database, self.hub, reactor, self.identities, self.departure, limits.StreamLimits(), places=places
        )
        calls = Calls(
            database,
            self.writer,
            allowance=self.sends,
            encode=wire.encode_message,
            wait=polls.wait,
            max_body=self._config.max_body,
        )
        rooms, moderation = RoomCalls(database, self.markers), ModerationCalls(database)
        uploads = UploadCalls(self.files, self.sends)
        downloads = Downloads(self.files, reactor, limits.FileLimits())
        party = Party(
            reactor,
            limits.SocketLimits(),
            make_client=self._client,
            origin=self.sends.origin,
            watch=self.identities,
            departure=self.departure,
            way_out=way_out if self._config.send_at_once else usual_way_out,
        )
        health = Api(
            Health(database, reactor, limits.HttpLimits().ready_s, stopping=lambda: self.stopping).routes(),
            None,
        )
        api = [*calls.routes(streams.serve), *rooms.routes(), *moderation.routes(), *uploads.routes()]
        parts = [
            (b"/ws", Upgrade(party, door, Epochs(database, reactor), places)),
            (b"/api/", Api(api, door)),
            (b"/files/", Api(downloads.routes(), door)),
            files,
            (b"/healthz", health),
            (b"/readyz", health),
        ]
        return Root(parts, django_pages(reactor, self._pools.pages, application))

    def _client(self, peer: Peer, caller: Identity | None, origin: str) -> Client:
        return Client(
            peer,
            caller,
            reads=self.database,
            drafts=self.writer,
            hub=self.hub,
            presence=self.presence,
            allowance=self.sends,
            origin=origin,
            markers=self.markers,
            limits=limits.SocketLimits(),
            max_body=self._config.max_body,
        )

    # Start

    def startService(self) -> None:
        """Start, for those who start services so; a failure is logged."""
        Deferred.fromCoroutine(self.start()).addErrback(
            lambda failure: logger.error("The server did not start: %s", failure.value)
        )

    async def start(self) -> None:
        """Start the threads, hear commits here and elsewhere, then serve. Raises what an endpoint raises."""
        super().startService()
        for pool in self._pools.all():
            pool.start()
        signals.committed.connect(self._thd_committed, weak=False)
        signals.access_changed.connect(self._thd_access_changed, weak=False)
        self.poll.start()
        self.indexing.start()
        self.listener.start()
        for endpoint in self._endpoints:
            self.ports.append(await endpoint.listen(self.site))

    def _thd_committed(self, *, batches: tuple[RoomBatch, ...], **_sent: object) -> bool:
        """Hear of a commit, in whatever thread made it. Return whether other processes are told from here."""
        self._reactor.callFromThread(self._committed, batches)
        return self.notices.told

    def _thd_access_changed(self, *, rooms: frozenset[str] | None, **_sent: object) -> bool:
        """Hear of changed rights, in whatever thread changed them. Return as above."""
        self._reactor.callFromThread(self._access_changed_here, rooms)
        return self.notices.told

    def _committed(self, batches: tuple[RoomBatch, ...]) -> None:
        self.hub.publish(batches)
        self.markers.committed(batches)
        self.notices.committed(batches)
        self.indexing.committed()

    def _access_changed_here(self, rooms: frozenset[str] | None) -> None:
        self._access_changed(rooms)
        self.notices.access_changed(rooms)

    def _may_have_missed(self) -> None:
        """Look at everything that other processes may have told of while nobody listened."""
        self.poll.look_now()
        self.presence.ask_all()

    def _access_changed(self, rooms: frozenset[str] | None) -> None:
        if rooms is None:
            self.identities.forget()
        self.hub.access_changed(rooms)

    # Stop

    def stopService(self) -> Deferred[None]:
        """Stop, for those who stop services so."""
        return Deferred.fromCoroutine(self.stop())

    async def stop(self) -> None:
        """Stop, and return when all has ended that ends in time. A second call waits for the same stop."""
        if self.stopping:
            if not self._stopped:
                self._when_stopped.append(Deferred())
                await self._when_stopped[-1]
            return
        self.stopping = True
        try:
            await self._stop()
        finally:
            self._stopped = True
            for waiting in self._when_stopped:
                waiting.callback(None)

    async def _stop(self) -> None:
        """Stop listening, finish the commit in hand, say goodbye, end the threads. Each step has its time."""
        bounds = limits.StopLimits()
        super().stopService()
        for port in self.ports:
            await maybeDeferred(port.stopListening)
        self.poll.stop()
        self.indexing.stop()
        self.listener.stop()
        self.identities.stop()
        await self._within(bounds.write_s, self.writer.stop(), "The commit in hand")
        await self._within(bounds.farewell_s, self._farewell(), "Some connections")
        signals.committed.disconnect(self._thd_committed)
        signals.access_changed.disconnect(self._thd_access_changed)
        self.presence.stop()
        await self._within(bounds.notices_s, self._last_words(), "Telling other processes")
        self.hub.stop()
        self._abort_connections()
        await self._end_threads(bounds.threads_s)

    async def _farewell(self) -> None:
        departed = self.departure.begin()
        self.site.departing = True
        for channel in tuple(self.site.channels):
            channel.close_when_done()
        await departed
        await self.site.seats.empty()

    async def _last_words(self) -> None:
        await self.notices.finish()
        if self.direct is not None:
            await self.direct.close()

    def _abort_connections(self) -> None:
        for channel in tuple(self.site.channels):
            channel.abort()

    async def _within(self, limit_s: float, step: Coroutine[Any, Any, None], what: str) -> None:
        try:
            await Deferred.fromCoroutine(step).addTimeout(limit_s, self._reactor)
        except DeferredTimeoutError:
            logger.warning("%s did not end within %.1f s; going on without", what, limit_s)
        except Exception:
            logger.exception("A step of the stop failed; going on")

    async def _end_threads(self, limit_s: float) -> None:
        """End all pools at once. `ThreadPool.stop` waits for its threads, so it has a thread of its own."""
        ending = [(pool, self._end_pool(pool)) for pool in self._pools.all()]
        deadline = self._reactor.seconds() + limit_s
        for pool, ended in ending:
            try:
                await ended.addTimeout(max(0.01, deadline - self._reactor.seconds()), self._reactor)
            except DeferredTimeoutError:
                self.hung.append(str(pool.name))
        if self.hung:
            logger.error("Threads that hang are left behind: %s", ", ".join(self.hung))

    def _end_pool(self, pool: ThreadPool) -> Deferred[None]:
        ended: Deferred[None] = Deferred()
        threading.Thread(target=self._thd_stop_pool, args=(pool, ended), daemon=True).start()
        return ended

    def _thd_stop_pool(self, pool: ThreadPool, ended: Deferred[None]) -> None:
        pool.stop()
        self._reactor.callFromThread(partial(_fire, ended))


def _now() -> datetime:
    return datetime.now(UTC)


def _fire(deferred: Deferred[None]) -> None:
    if not deferred.called:
        deferred.callback(None)
