"""WebSocket: the guard before the upgrade, and the connection after it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import override_settings
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyObject

from realtime import limits, vanished
from rooms.messages import Credential, Identity
from tests.support_bytes import Connection, Response, Socket
from tests.support_edge import ANA, COOKIE, Edge

KEY: dict[str, Any] = {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Version": "13"}


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.post("lobby", "one", "two")
    return edge


def refused(edge: Edge, **headers: Any) -> Response:
    return edge.socket(upgraded=False, **headers).connection.response()


def joined(edge: Edge, **headers: Any) -> Socket:
    socket = edge.socket(**headers)
    socket.send({"type": "join", "room": "lobby", "after": 2})
    assert [frame["type"] for frame in socket.told()] == ["hello", "joined"]
    return socket


class TestGuard:
    def test_hello_comes_first_and_tells_who_you_are(self, edge: Edge) -> None:
        assert edge.socket(**COOKIE).told() == [
            {"type": "hello", "user": {"id": 3, "name": "ana"}, "epoch": "one", "server": "chat"}
        ]

    def test_without_a_session_you_are_a_guest(self, edge: Edge) -> None:
        assert "user" not in edge.socket().told()[0]

    def test_programs_bring_a_token(self, edge: Edge) -> None:
        credential = Credential.of_token("secret")
        edge.chat.identities[credential] = Identity(4, "bot", credential)

        assert edge.socket(Authorization="Bearer secret").told()[0]["user"] == {"id": 4, "name": "bot"}
        assert refused(edge, Authorization="Bearer wrong").status == 401

    def test_the_subprotocol_is_taken_where_it_is_offered(self, edge: Edge) -> None:
        assert (
            b"Sec-WebSocket-Protocol: chat.v1" in edge.socket(Sec_WebSocket_Protocol="chat.v2, chat.v1").head
        )
        assert b"Sec-WebSocket-Protocol" not in edge.socket(Sec_WebSocket_Protocol="soap").head
        assert b"Sec-WebSocket-Protocol" not in edge.socket().head

    def test_no_compression_is_agreed(self, edge: Edge) -> None:
        assert b"Extensions" not in edge.socket(Sec_WebSocket_Extensions="permessage-deflate").head

    def test_a_session_that_does_not_hold_is_401(self, edge: Edge) -> None:
        assert refused(edge, Cookie="sessionid=gone").code == "not_authenticated"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:8080", "garbage"])
    def test_a_foreign_origin_is_403_before_the_upgrade(self, edge: Edge, origin: str) -> None:
        assert refused(edge, Origin=origin, **COOKIE).code == "forbidden"

    def test_also_with_a_token(self, edge: Edge) -> None:
        credential = Credential.of_token("secret")
        edge.chat.identities[credential] = Identity(4, "bot", credential)

        assert refused(edge, Origin="https://evil.example", Authorization="Bearer secret").status == 403

    def test_the_sites_own_origin_passes(self, edge: Edge) -> None:
        assert edge.socket(Origin="http://localhost").told()
        assert edge.socket(Origin="http://localhost:8000", Host="localhost:8000").told()

    def test_a_trusted_origin_passes(self) -> None:
        with override_settings(CSRF_TRUSTED_ORIGINS=["https://chat.example.org"]):
            assert Edge().socket(Origin="https://chat.example.org").told()

    def test_a_foreign_host_is_400(self, edge: Edge) -> None:
        assert refused(edge, Host="evil.example").code == "bad_request"

    @pytest.mark.parametrize("byte", list("\x0b\x0c\x1c\x1d\x1e\x85"))
    @pytest.mark.parametrize("name", ["X-Anything", "Cookie", "Sec-WebSocket-Protocol"])
    def test_bytes_that_could_smuggle_a_header_are_400(self, edge: Edge, byte: str, name: str) -> None:
        assert refused(edge, **{name: f"a{byte}Origin: http://localhost"}).code == "bad_request"

    def test_also_in_the_address(self, edge: Edge) -> None:
        for byte in ("\x0b", "\x0c", "\x1c", "\x85"):
            assert edge.socket(upgraded=False, path=f"/ws?{byte}Origin:x").connection.response().status == 400

    @pytest.mark.parametrize(
        "line",
        [
            "Host: localhost",
            "Origin: http://localhost",
            "Cookie: a=b",
            "Authorization: Bearer x",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ],
    )
    def test_headers_given_twice_are_400(self, edge: Edge, line: str) -> None:
        connection = edge.connect()
        twice = "" if line.startswith(("Host", "Sec")) else f"{line}\r\n"
        connection.tell(
            f"GET /ws HTTP/1.1\r\nHost: localhost\r\n{twice}{line}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

        assert connection.response().code == "bad_request"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Upgrade": ""},
            {"Upgrade": "h2c"},
            {"Connection": "close"},
            {"Sec_WebSocket_Version": "8"},
            {"Sec_WebSocket_Key": ""},
            {"Sec_WebSocket_Key": "short"},
            {"Sec_WebSocket_Key": "*" * 24},
            {"Sec_WebSocket_Key": "\xe9" * 24},
            {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZSEh"},
        ],
    )
    def test_what_is_no_handshake_is_400(self, edge: Edge, headers: dict[str, str]) -> None:
        assert refused(edge, **headers).code == "bad_request"

    def test_one_of_another_version_hears_which_is_ours(self, edge: Edge) -> None:
        assert refused(edge, Sec_WebSocket_Version="8").headers["sec-websocket-version"] == "13"
        assert "sec-websocket-version" not in refused(edge, Upgrade="h2c").headers

    @override_settings(ALLOWED_HOSTS=["*"])
    def test_a_handshake_names_its_host(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("GET", "/ws", Host="", Upgrade="websocket", Connection="Upgrade", **KEY)

        assert connection.response().code == "bad_request"

    def test_what_comes_as_the_body_of_a_handshake_is_no_frame(self, edge: Edge) -> None:
        socket = edge.socket(upgraded=False, Content_Length="6")
        socket.connection.tell(b"\x89\x80\0\0\0\0")

        assert socket.connection.response().code == "bad_request"

    def test_a_handshake_is_at_least_http_1_1(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.tell(
            b"GET /ws HTTP/1.0\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

        assert connection.value().startswith(b"HTTP/1.0 400")

    def test_the_answer_proves_that_the_key_was_read(self, edge: Edge) -> None:
        """By the example of RFC 6455, 1.3."""
        assert edge.socket().head.split(b"\r\n") == [
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: WebSocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ]

    def test_frames_that_did_not_wait_for_the_answer_are_not_taken(
        self, edge: Edge, caplog: pytest.LogCaptureFixture
    ) -> None:
        connection = edge.connect()
        connection.tell(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            + 20_000
            * b"\x89\x80\0\0\0\0"
        )
        connection.tell(b"\x89\x80\0\0\0\0")

        assert connection.value().startswith(b"HTTP/1.1 101")
        assert connection.value().count(b"\x8a\0") == 1
        assert not caplog.records

    def test_a_client_that_leaves_while_it_is_looked_up_is_forgotten(
        self, edge: Edge, caplog: pytest.LogCaptureFixture
    ) -> None:
        looked_up: Deferred[Any] = Deferred()

        async def identify(_credential: Any) -> Any:
            return await looked_up

        edge.chat.identify = identify  # type: ignore[method-assign,assignment]
        socket = edge.socket(upgraded=False, **COOKIE)
        socket.connection.hang_up()
        looked_up.callback(ANA)

        assert socket.connection.value() == b""
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert edge.site.seats.taken == 0

    def test_a_database_that_does_not_answer_is_503(self, edge: Edge) -> None:
        edge.chat.down = True

        assert refused(edge, **COOKIE).status == 503

    def test_a_connection_keeps_its_seat_until_it_is_lost(self, edge: Edge) -> None:
        socket = edge.socket()
        assert edge.site.seats.taken == 1
        socket.connection.hang_up()
        assert edge.site.seats.taken == 0


class TestClosing:
    @pytest.mark.parametrize("code", [1001, 1008, 1009, 1011, 1012, 1013])
    def test_each_code_reaches_the_peer(self, edge: Edge, code: int) -> None:
        socket = edge.socket()
        socket.connection.protocol.close(code, "why")

        assert socket.closed_with() == code
        assert not socket.connection.closed

    def test_a_peer_that_answers_is_let_go(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.connection.protocol.close(1012, "restarting")
        socket.send_frame(8, b"\x03\xf4")

        assert socket.connection.closed
        assert edge.clock.getDelayedCalls() == []

    def test_one_that_does_not_is_dropped(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.connection.protocol.close(1012, "restarting")
        edge.clock.advance(limits.SocketLimits().close_s)

        assert socket.connection.aborted

    def test_nothing_is_said_after_the_close(self, edge: Edge) -> None:
        socket = joined(edge)
        socket.connection.protocol.close(1012, "restarting")
        socket.frames()
        edge.post("lobby", "three")
        socket.send({"type": "leave", "room": "lobby"})

        assert socket.frames() == []

    def test_the_peers_own_close_is_answered(self, edge: Edge) -> None:
        socket = joined(edge)
        socket.send_frame(8, b"\x03\xe8")

        assert socket.closed_with() == 1000
        assert socket.connection.closed
        assert not edge.departure._open

    def test_a_server_that_stops_closes_with_1012(self, edge: Edge) -> None:
        socket = joined(edge)
        edge.departure.begin()

        assert socket.closed_with() == 1012

    def test_a_session_that_ends_is_1008(self, edge: Edge) -> None:
        socket = joined(edge, **COOKIE)
        edge.chat.revoke(ANA.credential)

        assert socket.closed_with() == 1008

    def test_a_lost_connection_leaves_nothing_behind(self, edge: Edge) -> None:
        socket = joined(edge, **COOKIE)
        socket.connection.hang_up()
        edge.clock.advance(limits.HubLimits().idle_s)

        assert not any(edge.chat.watches.values())
        assert not edge.departure._open
        assert edge.clock.getDelayedCalls() == []

    def test_what_breaks_is_logged_and_closes_with_1011(
        self, edge: Edge, caplog: pytest.LogCaptureFixture
    ) -> None:
        socket = edge.socket()
        socket.connection.protocol.client.received = lambda *_a, **_k: 1 / 0
        socket.send({"type": "leave", "room": "lobby"})

        assert socket.closed_with() == 1011
        assert "ZeroDivisionError" in caplog.text


class TestFrames:
    def test_a_frame_of_64_kib_is_taken_and_a_larger_one_is_1009(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.send_frame(1, b'{"type":"leave","room":"lobby","x":"' + b"x" * (65_536 - 38) + b'"}')
        assert [frame["type"] for frame in socket.told()] == ["hello"]
        socket.send_frame(1, b"x" * 65_537)
        assert socket.closed_with() == 1009

    def test_a_length_that_is_too_long_is_refused_before_it_comes(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.connection.tell(b"\x81\xff" + (2**40).to_bytes(8, "big") + b"\0\0\0\0")

        assert socket.closed_with() == 1009

    def test_also_one_in_many_pieces(self, edge: Edge) -> None:
        socket = edge.socket()
        for _ in range(9):
            socket.connection.tell(
                b"\x01\xfe\x20\x00\0\0\0\0" + b"x" * 8192
                if not _
                else b"\x00\xfe\x20\x00\0\0\0\0" + b"x" * 8192
            )

        assert socket.closed_with() == 1009

    def test_what_is_not_utf_8_is_1007(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.send_frame(1, b"\xff\xfe")

        assert socket.closed_with() == 1007

    def test_a_frame_without_mask_is_a_protocol_error(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.connection.tell(b"\x81\x02{}")

        assert socket.closed_with() == 1002

    def test_binary_is_an_error_and_no_close(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.send_frame(2, b'{"type":"leave","room":"lobby"}')

        assert socket.told()[-1]["code"] == "bad_request"

    def test_a_ping_is_answered(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.send_frame(9, b"hi")

        assert (10, b"hi") in socket.frames()

    def test_a_large_batch_is_split_and_each_part_joins_on(self) -> None:
        edge = Edge(sockets=limits.SocketLimits(out_bytes=1000))
        socket = edge.socket()
        socket.send({"type": "join", "room": "lobby"})
        socket.told()
        edge.post("lobby", *("x" * 90 for _ in range(20)))
        frames = socket.told()

        assert len(frames) > 1
        cursor = 0
        for frame in frames:
            assert frame["prev"] == cursor
            cursor = frame["messages"][-1]["id"]
        assert cursor == 20

    def test_all_connections_are_sent_the_same_object(self, edge: Edge) -> None:
        sockets = [joined(edge) for _ in range(3)]
        sent: list[int] = []
        for socket in sockets:
            socket.connection.protocol.sendData = lambda frame: sent.append(id(frame))
        edge.post("lobby", "three")

        assert len(sent) == 3
        assert len(set(sent)) == 1


class TestWritten:
    def test_all_goes_the_way_out_that_was_chosen_for_the_transport(self) -> None:
        written: list[bytes] = []
        asked: list[Any] = []

        def write(transport: Any, data: bytes) -> None:
            written.append(data)
            transport.write(data)

        def way_out(transport: Any) -> Any:
            asked.append(transport)
            return write

        edge = Edge(way_out=way_out)
        socket = edge.socket()
        socket.send({"type": "join", "room": "lobby"})
        edge.post("lobby", "one")
        edge.clock.advance(30)
        frames = socket.frames()

        assert asked == [socket.connection]
        assert [opcode for opcode, _payload in frames] == [1, 1, 1, 9]
        assert len(written) == len(frames)


class TestLife:
    def test_a_silent_peer_is_asked_after_30_s_and_dropped_after_45(self, edge: Edge) -> None:
        socket = edge.socket()
        edge.clock.advance(29)
        assert not [opcode for opcode, _payload in socket.frames() if opcode == 9]
        edge.clock.advance(1)
        assert [opcode for opcode, _payload in socket.frames()] == [9]
        edge.clock.advance(14)
        assert not socket.connection.closed
        edge.clock.advance(1)
        assert socket.connection.aborted

    def test_one_that_answers_lives(self, edge: Edge) -> None:
        socket = edge.socket()
        for _ in range(10):
            edge.clock.advance(30)
            assert (9, b"") in socket.frames()
            socket.send_frame(10, b"")

        assert not socket.connection.closed

    def test_one_that_says_something_is_not_asked(self, edge: Edge) -> None:
        socket = edge.socket()
        for _ in range(5):
            edge.clock.advance(20)
            socket.send({"type": "leave", "room": "lobby"})

        assert not [opcode for opcode, _payload in socket.frames() if opcode == 9]

    def test_one_that_does_not_read_is_given_nothing_and_goes_on_where_it_was(self, edge: Edge) -> None:
        socket = joined(edge)
        socket.connection.producer.pauseProducing()
        for n in range(5):
            edge.post("lobby", f"more {n}")
        assert socket.told() == []
        socket.connection.producer.resumeProducing()
        edge.clock.advance(0)

        assert [m["id"] for frame in socket.told() for m in frame["messages"]] == [3, 4, 5, 6, 7]

    def test_one_that_was_not_listened_to_is_not_called_silent(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.connection.producer.pauseProducing()
        for taken in range(4):
            socket.connection.dataBuffer = b"x" * (100 - taken)
            edge.clock.advance(14)
        socket.connection.dataBuffer = b""
        socket.connection.producer.resumeProducing()
        edge.clock.advance(20)
        assert not socket.connection.closed
        edge.clock.pump([15, 15])
        assert socket.connection.aborted

    def test_one_that_still_has_something_to_take_is_not_called_silent(self, edge: Edge) -> None:
        """Its transport is not full, but what the kernel has for it takes long."""
        socket = edge.socket()
        for taken in range(10):
            socket.connection.dataBuffer = b"x" * (100 - taken)
            edge.clock.advance(15)
        assert not socket.connection.closed
        assert 9 not in [opcode for opcode, _payload in socket.frames()]

        socket.connection.dataBuffer = b""
        edge.clock.advance(15)
        assert [opcode for opcode, _payload in socket.frames()] == [9]
        edge.clock.advance(15)
        assert socket.connection.aborted

    def test_one_that_has_to_take_something_and_takes_nothing_is_1013(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.connection.dataBuffer = b"x" * 100
        edge.clock.pump([15] * 6)
        assert socket.closed_with() == 1013

    def test_one_that_takes_nothing_since_its_host_is_gone_is_dropped_sooner(
        self, edge: Edge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(vanished, "is_gone", lambda _transport, limit_s: limit_s == 15)
        socket = edge.socket()
        socket.connection.dataBuffer = b"x" * 100
        edge.clock.pump([15, 15])
        assert not socket.connection.closed
        edge.clock.advance(15)
        assert socket.connection.aborted

    def test_a_room_joined_meanwhile_waits_too(self, edge: Edge) -> None:
        socket = edge.socket()
        socket.connection.producer.pauseProducing()
        socket.send({"type": "join", "room": "lobby", "after": 0})
        assert [frame["type"] for frame in socket.told()] == ["hello", "joined"]
        socket.connection.producer.resumeProducing()
        assert [frame["type"] for frame in socket.told()] == ["messages"]

    def test_one_that_takes_nothing_at_all_for_a_minute_is_1013_and_dropped(self, edge: Edge) -> None:
        socket = joined(edge)
        socket.connection.dataBuffer = b"x" * 100_000
        socket.connection.producer.pauseProducing()
        edge.clock.pump([15] * 3)
        assert not socket.closed_with()
        edge.clock.advance(15)
        assert socket.closed_with() == 1013
        edge.clock.advance(limits.SocketLimits().close_s)
        assert socket.connection.aborted

    def test_one_that_takes_a_little_is_kept(self, edge: Edge) -> None:
        socket = joined(edge)
        socket.connection.producer.pauseProducing()
        for _ in range(20):
            socket.connection.offset += 1
            edge.clock.advance(15)

        assert not socket.connection.closed

    def test_it_is_a_push_producer(self, edge: Edge) -> None:
        assert verifyObject(IPushProducer, edge.socket().connection.producer)


def test_what_a_connection_is_when_none_of_it_opened(edge: Edge) -> None:
    """A connection that is lost before its request has come leaves no seat taken."""
    connection: Connection = edge.connect()
    connection.tell(b"GET /ws HTTP/1.1\r\n")
    connection.hang_up()

    assert edge.site.seats.taken == 0
