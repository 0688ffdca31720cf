"""The whole service, on real sockets, threads and a real database."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import CannotListenError
from twisted.internet.threads import deferToThread  # noqa: TID251 (the test is the other thread)

from realtime import limits
from realtime.at_once import at_once, in_turn
from realtime.config import Config
from realtime.listener import Deaf, Listener
from realtime.service import ChatService
from realtime.transports.websocket import Socket
from rooms import log
from rooms.models import ChatRoom, Membership, Message
from tests.support_bytes import Response
from tests.support_service import ServiceCase

pytestmark = pytest.mark.databases

LOBBY = "/api/rooms/lobby/messages"


def thd_say(body: str) -> None:
    """Post as plain Django code does, in a thread of its own."""
    from django.db import connection

    try:
        log.post(ChatRoom.objects.get(slug="lobby"), None, body)
    finally:
        connection.close()


class TestReaching(ServiceCase):
    """The safety poll is off: nothing but the commit itself wakes anybody."""

    async def test_what_is_sent_on_a_websocket_reaches_a_poll_a_stream_and_a_websocket(self) -> None:
        await self.start()
        poll, stream = await self.connect(), await self.connect()
        poll.ask("GET", f"{LOBBY}?after=0&wait=30", **self.token)
        stream.ask("GET", "/api/rooms/lobby/events?after=0", **self.token)
        await stream.hears(b"event: hello", self.reactor)
        _talker, sender = await self.socket(**self.token)
        reading, reader = await self.socket(**self.token)
        reader.send({"type": "join", "room": "lobby", "after": 0})
        await reading.hears(b'"type":"joined"', self.reactor)

        sender.send({"type": "send", "room": "lobby", "body": "héllo", "nonce": "first"})
        await reading.hears(b'"type":"messages"', self.reactor)
        await stream.hears(b"event: message", self.reactor)
        await poll.hears(b'"more":', self.reactor)

        messages = next(frame for frame in reader.told() if frame["type"] == "messages")["messages"]
        page = Response.parse(poll.heard).json["messages"]
        assert [(m["body"], m["nonce"], m["author"]["name"]) for m in messages] == [("héllo", "first", "ana")]
        assert page == messages
        assert Response.parse(stream.heard).body.count("héllo".encode()) == 1

    async def test_the_sender_is_told_after_the_commit(self) -> None:
        await self.start()
        talker, socket = await self.socket(**self.token)
        for nonce in ("a", "b", "a"):
            socket.send({"type": "send", "room": "lobby", "body": nonce, "nonce": nonce})
        await talker.until(lambda: talker.heard.count(b'"nonce"') >= 3, self.reactor)
        sent = [s for frame in socket.told() if frame["type"] == "sent" for s in frame["sent"]]

        assert [s["nonce"] for s in sent] == ["a", "b", "a"]
        assert sent[0]["id"] == sent[2]["id"]
        page = (await self.ask("GET", LOBBY, **self.token)).json["messages"]
        assert [m["body"] for m in page] == ["a", "b"]

    async def test_what_plain_django_code_posts_reaches_readers(self) -> None:
        await self.start()
        stream = await self.connect()
        stream.ask("GET", "/api/rooms/lobby/events", **self.token)
        await stream.hears(b"event: hello", self.reactor)
        await deferToThread(thd_say, "from a view")

        await stream.hears(b"from a view", self.reactor)

    async def test_a_ban_ends_a_join_at_once(self) -> None:
        await self.start()
        talker, socket = await self.socket(**self.token)
        socket.send({"type": "join", "room": "lobby"})
        await talker.hears(b'"type":"joined"', self.reactor)

        def thd_close() -> None:
            from django.db import connection

            room = ChatRoom.objects.get(slug="lobby")
            room.visibility = ChatRoom.Visibility.PRIVATE
            room.save()
            Membership.objects.filter(room=room).delete()
            connection.close()

        await deferToThread(thd_close)
        await talker.hears(b'"type":"left"', self.reactor)

        assert socket.told()[-1] == {"type": "left", "room": "lobby", "code": "not_found"}

    async def test_posts_by_the_api_are_answered_after_their_commit(self) -> None:
        await self.start()
        headers = {**self.token, "Content-Type": "application/json"}
        first = await self.ask("POST", LOBBY, b'{"body":"x","nonce":"n"}', **headers)
        again = await self.ask("POST", LOBBY, b'{"body":"x","nonce":"n"}', **headers)
        other = await self.ask("POST", LOBBY, b'{"body":"y","nonce":"n"}', **headers)

        assert (first.status, again.status, other.status) == (201, 200, 409)
        assert first.body == again.body
        assert other.code == "nonce_conflict"

    async def test_pages_and_static_files_are_served(self) -> None:
        await self.start()

        assert (await self.ask("GET", "/accounts/login/")).status == 200
        assert (await self.ask("GET", "/static/admin/css/base.css")).status == 200
        assert (await self.ask("GET", "/readyz")).status == 200


class TestOthers(ServiceCase):
    """What is there to hear other processes by."""

    async def test_only_postgresql_has_a_listener(self) -> None:
        service = await self.start()

        listens = isinstance(service.listener, Listener)
        assert listens is (connection.vendor == "postgresql")
        assert service.notices.told is listens

    async def test_who_is_in_a_room_is_shown_to_those_in_it(self) -> None:
        await self.start()
        talker, socket = await self.socket(**self.token)
        socket.send({"type": "join", "room": "lobby"})
        await talker.hears(b'"type":"presence"', self.reactor)

        assert socket.told()[-1]["users"] == [{"id": self.ana.pk, "name": "ana"}]


class TestDeaf(ServiceCase):
    config = Config(listen=0)

    async def test_switched_off_it_neither_hears_nor_tells(self) -> None:
        service = await self.start()

        assert isinstance(service.listener, Deaf)
        assert not service.notices.told


class TestAtOnce(ServiceCase):
    """What is told to WebSockets goes to plain sockets as it is written, unless that is switched off."""

    write: Any = staticmethod(at_once)

    async def test_a_plain_socket_is_written_to_as_the_setting_says(self) -> None:
        await self.start()
        await self.socket(**self.token)
        protocols = [getattr(reader, "protocol", None) for reader in self.reactor.getReaders()]

        assert [one._write for one in protocols if isinstance(one, Socket)] == [self.write]


class TestInTurn(TestAtOnce):
    config = Config(send_at_once=0)
    write = staticmethod(in_turn)


class TestStopping(ServiceCase):
    async def test_everybody_is_told_and_nothing_is_left(self) -> None:
        service = await self.start()
        talker, socket = await self.socket(**self.token)
        idle, poll, stream = await self.connect(), await self.connect(), await self.connect()
        poll.ask("GET", f"{LOBBY}?after=0&wait=30", **self.token)
        stream.ask("GET", "/api/rooms/lobby/events", **self.token)
        await stream.hears(b"event: hello", self.reactor)
        # The poll is parked: what was asked after it has been answered.
        await self.ask("GET", LOBBY, **self.token)
        stopped = Deferred.fromCoroutine(service.stop())
        await talker.until(lambda: b"\x03\xf4" in talker.heard, self.reactor)
        assert socket.closed_with() == 1012
        socket.send_frame(8, b"\x03\xf4")
        await stopped

        assert Response.parse(poll.heard).json["messages"] == []
        assert stream.heard.endswith(b"0\r\n\r\n")
        await idle.until(lambda: idle.lost, self.reactor)
        assert service.hung == []
        assert service.site.seats.taken == 0
        assert not [t for t in threading.enumerate() if "writing" in t.name or "reading" in t.name]

    async def test_what_was_sent_just_before_is_stored_or_refused_but_answered(self) -> None:
        service = await self.start()
        talker, socket = await self.socket(**self.token)
        for n in range(20):
            socket.send({"type": "send", "room": "lobby", "body": "x", "nonce": f"n{n}"})
        await talker.hears(b'"nonce"', self.reactor)
        stopped = Deferred.fromCoroutine(service.stop())
        await talker.until(lambda: b"\x03\xf4" in talker.heard, self.reactor)
        told = [f for f in socket.told() if f["type"] == "sent" or "nonce" in f]
        nonces = [s["nonce"] for f in told for s in f.get("sent", [f])]
        stored = {s["nonce"] for f in told for s in f.get("sent", [])}
        transport: Any = talker.transport
        transport.loseConnection()
        await stopped

        assert sorted(nonces) == sorted(f"n{n}" for n in range(20))
        kept = Message.objects.filter(room__slug="lobby").values_list("nonce", flat=True)
        assert set(kept) == stored

    async def test_the_commit_in_hand_is_waited_for_and_told(self) -> None:
        service = await self.start()
        go_on: Deferred[None] = Deferred()
        begun: Deferred[None] = Deferred()

        async def slow(*arguments: Any) -> Any:
            begun.callback(None)
            await go_on
            return await service.database.append(*arguments)

        service.writer._append = slow
        talker, socket = await self.socket(**self.token)
        socket.send({"type": "send", "room": "lobby", "body": "x", "nonce": "last"})
        await begun
        assert [frame["type"] for frame in socket.told()] == ["hello"]
        stopped = Deferred.fromCoroutine(service.stop())
        await deferToThread(lambda: None)
        assert not talker.heard
        go_on.callback(None)
        await talker.until(lambda: b"\x03\xf4" in talker.heard, self.reactor)
        (told,) = (frame for frame in socket.told() if frame["type"] == "sent")
        transport: Any = talker.transport
        transport.loseConnection()
        await stopped

        assert [sent["nonce"] for sent in told["sent"]] == ["last"]
        assert Message.objects.filter(nonce="last").exists()

    async def test_a_stop_twice_is_a_stop_once(self) -> None:
        service = await self.start()
        ended: list[str] = []
        first, second = (Deferred.fromCoroutine(service.stop()) for _ in range(2))
        first.addCallback(lambda _none: ended.append("first"))
        second.addCallback(lambda _none: ended.append("second"))
        assert ended == []
        await second
        await first
        await service.stop()

        assert sorted(ended) == ["first", "second"]

    async def test_a_port_in_use_is_raised(self) -> None:
        service = await self.start()
        address: Any = service.ports[0].getHost()
        other = ChatService(
            self.reactor,
            self.config,
            [TCP4ServerEndpoint(self.reactor, address.port, interface="127.0.0.1")],
            lambda _environ, _start: [],
        )
        with pytest.raises(CannotListenError):
            await other.start()
        await other.stop()


class TestHanging(ServiceCase):
    """A page whose thread hangs does not keep the server from stopping."""

    def setUp(self) -> None:
        self.release, self.entered = threading.Event(), threading.Event()

        def application(_environ: Any, start_response: Any) -> list[bytes]:
            self.entered.set()
            self.release.wait()
            start_response("200 OK", [])
            return [b"late"]

        self.application = application

    async def test_it_is_left_behind_and_named(self) -> None:
        service = await self.start()
        talker = await self.connect()
        talker.ask("GET", "/slow")
        await deferToThread(self.entered.wait, 10)
        began_s = self.reactor.seconds()
        await service.stop()
        took_s = self.reactor.seconds() - began_s
        self.release.set()
        # It writes its answer through the reactor, which must be there for that.
        for thread in service._pools.pages.threads:
            await deferToThread(thread.join, 10)

        bounds = limits.StopLimits()
        assert service.hung == ["pages"]
        assert took_s < bounds.farewell_s + bounds.threads_s + 2
        assert talker.lost


def test_the_steps_of_a_stop_stay_below_ten_seconds_together() -> None:
    bounds = limits.StopLimits()

    together_s = bounds.write_s + bounds.farewell_s + bounds.notices_s + bounds.threads_s
    assert together_s < limits.WorkerLimits().stop_s < 9


def test_the_config_of_a_service_is_djangos_settings() -> None:
    assert Config().poll_interval_s > 0
