"""Doubles for the edge: a chat in memory behind the real site, and a connection whose bytes a test sees."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web.resource import Resource

from realtime import limits, wire
from realtime.at_once import way_out
from realtime.buckets import Sends
from realtime.channel import ChatSite
from realtime.client import Client, Peer
from realtime.config import Config
from realtime.departure import Departure
from realtime.edition import Edition
from realtime.epochs import Epochs
from realtime.errors import Unavailable
from realtime.hub import Hub
from realtime.markers import Markers
from realtime.packing import Packing
from realtime.places import Places
from realtime.presence import Nobody
from realtime.seats import Seats
from realtime.site import Root
from realtime.static import StaticFiles
from realtime.transports.api import Calls, Health
from realtime.transports.doorkeeper import Doorkeeper
from realtime.transports.http import Api
from realtime.transports.longpoll import LongPolls
from realtime.transports.moderation_api import ModerationCalls
from realtime.transports.rooms_api import RoomCalls
from realtime.transports.sse import EventStreams
from realtime.transports.uploads import UploadCalls
from realtime.transports.websocket import Party, Upgrade
from realtime.uploads import Uploads
from realtime.writer import Sender
from rooms.actions import Action
from rooms.messages import (
    Access,
    After,
    Author,
    Before,
    Code,
    Credential,
    Draft,
    Heads,
    Identity,
    Kind,
    Newest,
    Page,
    Posted,
    Refused,
    RoomBatch,
    RoomSummary,
    Span,
    Stored,
    UserId,
    Versions,
)
from tests.support_bytes import Connection, Response, Socket
from tests.support_realtime import MAY_SEE, NOON, MemoryLog

ANA = Identity(3, "ana", Credential(session_key="ana-session"))


class Chat(MemoryLog):
    """A log in memory that answers at once, and stores when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: dict[str, Refused] = {}
        self.identities: dict[Credential, Identity] = {ANA.credential: ANA}
        self.watches: dict[Credential, list[Any]] = {}
        self.drafts: list[tuple[Draft, Any]] = []
        self.access = MAY_SEE
        self.down = False
        self.performed: list[tuple[UserId | None, Action]] = []
        self.answers: dict[type[Action], Any] = {}
        """What performing each action answers: a value, a Deferred of one, or what is raised."""
        self.reading: Deferred[None] | None = None
        """Where set, reads wait for it."""

    # What the transports read

    async def read(self, reader: UserId | None, slug: str, span: Span) -> Page | Refused:
        if self.reading is not None:
            await self.reading
        self._answering()
        if slug in self.refusals:
            return self.refusals[slug]
        rows = self.rows.get(slug, [])
        match span:
            case After(cursor, limit):
                found = [row for row in rows if row.id > cursor]
                kept, start = found[:limit], cursor
            case Before(cursor, limit):
                found = [row for row in rows if row.id < cursor]
                kept = found[-limit:]
                start = rows[rows.index(kept[0]) - 1].id if kept and rows.index(kept[0]) else 0
            case Newest(limit):
                found = rows
                kept = rows[-limit:] if limit else []
                start = rows[-limit - 1].id if limit and len(rows) > limit else 0
        return Page(
            slug,
            tuple(kept),
            len(found) > len(kept),
            start,
            self.head(slug),
            self.versions(slug),
            self.access,
        )

    async def rooms_for(self, reader: UserId | None) -> tuple[str, list[RoomSummary]]:
        self._answering()
        return self.epoch, [
            RoomSummary(slug, slug.title(), "", self.head(slug), MAY_SEE, archived=False, private=False)
            for slug in self.rows
        ]

    async def ping(self) -> None:
        self._answering()

    # What rooms are asked for

    async def perform(self, by: UserId | None, action: Action) -> Any:
        """Take note, and answer what the test has put there."""
        self._answering()
        self.performed.append((by, action))
        answer = self.answers.get(type(action))
        if isinstance(answer, Deferred):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def perform_all(self, by: UserId | None, actions: Sequence[Action]) -> list[Any]:
        return [await self.perform(by, action) for action in actions]

    async def upload(self, by: UserId, *given: Any) -> Any:
        """Take no file: what is done with one has a real storage in its tests."""
        self._answering()
        raise AssertionError("No test of the edge uploads.")

    # What the hub reads

    async def after(self, slug: str, cursor: int, limit: int) -> Page:
        self._answering()
        return self.page(slug, cursor, limit)

    async def who_may(
        self, slug: str, readers: Collection[UserId | None]
    ) -> tuple[Versions, dict[UserId | None, Access]]:
        return self.rights(slug, readers)

    # The writer

    def submit(self, draft: Draft, sender: Sender) -> None:
        if self.down:
            raise Unavailable(nonce=draft.nonce)
        self.drafts.append((draft, sender))

    async def post(  # type: ignore[override]  # (the writer's; a test posts by the edge)
        self, draft: Draft
    ) -> Stored | Refused:
        outcome: Deferred[Stored | Refused] = Deferred()

        class OneShot:
            def settled(self, outcomes: Any) -> None:
                outcome.callback(outcomes[0][1])

        self.submit(draft, OneShot())
        return await outcome

    def commit(self) -> list[RoomBatch]:
        """Store all that was submitted, in one commit, tell each sender once, and return what it brought."""
        drafts, self.drafts = self.drafts, []
        told: dict[int, tuple[Any, list[Any]]] = {}
        batches = []
        for draft, sender in drafts:
            posted = self.posted(draft)
            batches.append(self._commit(draft.room, [posted]))
            told.setdefault(id(sender), (sender, []))[1].append((draft, Stored(posted, fresh=True)))
        for sender, outcomes in told.values():
            sender.settled(outcomes)
        return batches

    def refuse(self, code: Code) -> None:
        """Refuse all that was submitted."""
        drafts, self.drafts = self.drafts, []
        for draft, sender in drafts:
            sender.settled([(draft, Refused(code, "no"))])

    def posted(self, draft: Draft) -> Posted:
        author = Author(draft.author_id, "ana") if draft.author_id is not None else None
        key = next(self._ids)
        return Posted(
            key, draft.room, Kind(draft.kind), author, draft.body or None, NOON, draft.nonce, draft.target,
            draft.reply_to,
        )  # fmt: skip

    async def heads_for(self, reader: UserId | None, slugs: Collection[str]) -> Heads:
        self._answering()
        return self.heads(sorted(slug for slug in slugs if slug not in self.refusals))

    # Identities

    async def identify(self, credential: Credential) -> Identity | None:
        self._answering()
        return self.identities.get(credential)

    def watch(self, credential: Credential, revoked: Any) -> Any:
        self.watches.setdefault(credential, []).append(revoked)
        return lambda: self.watches[credential].remove(revoked)

    def revoke(self, credential: Credential) -> None:
        for revoked in list(self.watches.get(credential, ())):
            revoked()

    def _answering(self) -> None:
        if self.down:
            raise Unavailable


class _Heads:
    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    async def heads(self, slugs: Collection[str]) -> Heads:
        if self._chat.down:
            raise Unavailable
        return self._chat.heads(slugs)

    async def after(self, slug: str, cursor: int, limit: int) -> Page:
        return await self._chat.after(slug, cursor, limit)

    async def who_may(self, slug: str, readers: Any) -> Any:
        return await self._chat.who_may(slug, readers)


class Pages(Resource):
    """Stands for Django's pages: keeps what it was asked."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def render(self, request: Any) -> bytes:
        self.asked.append(
            (request.method, request.path, request.content.read(), request.requestHeaders.copy())
        )
        return b"a page"


class Now:
    """A reactor, and a pool of threads, that do at once what they are told."""

    def callFromThread(self, call: Any, *given: Any) -> None:
        """Call it."""
        call(*given)

    def callInThreadWithCallback(self, told: Any, work: Any, *given: Any, **named: Any) -> None:
        """Do it, and tell what came of it."""
        try:
            told(True, work(*given, **named))
        except OSError:
            told(False, Failure())


def at_once(*, shorten: bool = True, **bounds: int) -> Packing:
    """Return what packs static files as soon as they are asked for."""
    now: Any = Now()
    return Packing(now, now, limits.StaticLimits(**bounds), shorten=shorten)


class Edge:
    """The real site over a chat in memory, on a clock."""

    def __init__(self, **changed: Any) -> None:
        self.clock = Clock()
        self.chat = Chat()
        self.departure = Departure()
        self.pages = Pages()
        self.socket_limits = changed.get("sockets", limits.SocketLimits())
        reads: Any = _Heads(self.chat)
        self.hub = Hub(reads, self.clock, encode=wire.encode_message, limits=limits.HubLimits())
        self.presence: Any = changed.get("presence", Nobody())
        chat: Any = self.chat
        self.markers = Markers(chat.perform, self.clock, limits.MarkerLimits())
        door = self.door = Doorkeeper(chat)
        config = changed.get("config", Config(sends_burst=100_000))
        self.sends = Sends(config, self.clock.seconds, lambda: NOON, 100)
        self.places = Places(changed.get("places", 100), changed.get("per_user", 100))
        polls = LongPolls(self.hub, self.clock, chat, self.departure, self.places)
        streams = EventStreams(
            chat, self.hub, self.clock, chat, self.departure, limits.StreamLimits(), places=self.places
        )
        calls = self.calls = Calls(
            chat,
            chat,
            allowance=self.sends,
            encode=wire.encode_message,
            wait=polls.wait,
            max_body=100,
        )
        rooms, moderation = RoomCalls(chat, self.markers), ModerationCalls(chat)
        self.party = Party(
            self.clock,
            self.socket_limits,
            make_client=self._client,
            origin=self.sends.origin,
            watch=chat,
            departure=self.departure,
            way_out=changed.get("way_out", way_out),
        )
        health = Api(Health(chat, self.clock, 3.0, stopping=lambda: self.departure.begun).routes(), None)
        uploads: Any = UploadCalls(chat, self.sends)
        api = [*calls.routes(streams.serve), *rooms.routes(), *moderation.routes(), *uploads.routes()]
        root = Root(
            [
                (b"/ws", Upgrade(self.party, door, Epochs(reads, self.clock), self.places)),
                (b"/api/", Api(api, door)),
                (b"/static/", StaticFiles(at_once(), Edition())),
                (b"/healthz", health),
                (b"/readyz", health),
            ],
            self.pages,
        )
        self.site = ChatSite(
            root,
            reactor=self.clock,
            limits=changed.get("http", limits.HttpLimits()),
            page_bytes=100_000,
            uploads=Uploads(limits.UploadLimits(), 0, by_address=False, known=door.known),
            seats=Seats(changed.get("connections", 100), changed.get("per_address", 0)),
        )

    def _client(self, peer: Peer, caller: Identity | None, origin: str) -> Client:
        chat: Any = self.chat
        return Client(
            peer,
            caller,
            reads=chat,
            drafts=chat,
            hub=self.hub,
            presence=self.presence,
            allowance=self.sends,
            origin=origin,
            markers=self.markers,
            limits=self.socket_limits,
            max_body=100,
        )

    def connect(self, connection: Connection | None = None, host: str = "127.0.0.1") -> Connection:
        """Return a new connection, or the one given, opened."""
        channel: Any = self.site.buildProtocol(IPv4Address("TCP", host, 4444))
        assert channel is not None
        connection = connection or Connection()
        connection.protocol = channel
        channel.makeConnection(connection)
        return connection

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        """Ask on a connection of its own; the answer must be there at once."""
        connection = self.connect()
        connection.ask(method, path, body, **headers)
        return connection.response()

    def post(self, room: str, *bodies: str) -> RoomBatch:
        """Commit messages and publish them."""
        batch = MemoryLog.post(self.chat, room, *bodies)
        self.hub.publish([batch])
        self.clock.advance(0)
        return batch

    def publish(self) -> None:
        """Commit what was submitted and publish it."""
        self.hub.publish(self.chat.commit())
        self.clock.advance(0)

    def socket(self, *, upgraded: bool = True, path: str = "/ws", **headers: str) -> Socket:
        """Open a WebSocket; hello has not been taken."""
        connection = self.connect()
        given: dict[str, Any] = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        connection.ask("GET", path, **given)
        socket = Socket(connection)
        if upgraded:
            assert connection.value().startswith(b"HTTP/1.1 101"), connection.value()
            socket.head, _, rest = connection.value().partition(b"\r\n\r\n")
            connection.clear()
            connection.write(rest)
        return socket


COOKIE: dict[str, Any] = {"Cookie": "sessionid=ana-session"}
CSRF: dict[str, Any] = {"Cookie": f"sessionid=ana-session; csrftoken={'t' * 32}", "X_CSRFToken": "t" * 32}
