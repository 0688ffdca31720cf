"""Connections as autobahn opens them, of which each keeps only what is its own."""

from __future__ import annotations

import gc
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from realtime.channel import Channel
from realtime.request import ChatRequest
from tests.support_bytes import Socket
from tests.support_edge import Edge

KEYS_SHARED = 30
"""CPython keeps an instance's attributes in one place with its class's others up to so many names."""


def masked(opcode: int, payload: bytes, mask: bytes = b"\x13\x9a\xf0\x07", *, fin: bool = True) -> bytes:
    """Return a frame as clients send it."""
    assert len(payload) < 126
    head = struct.pack("!BB", 0x80 * fin | opcode, 0x80 | len(payload))
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def taking(edge: Edge) -> tuple[Socket, list[tuple[bytes, bool]]]:
    """Return a connection, and what its client is given."""
    socket, taken = edge.socket(), []
    socket.connection.protocol.client.received = lambda payload, *, is_text: taken.append((payload, is_text))
    return socket, taken


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.post("lobby", "one")
    return edge


class TestReading:
    @given(
        texts=some.lists(some.text(max_size=20)), mask=some.binary(min_size=4, max_size=4), data=some.data()
    )
    def test_messages_come_whole_however_their_bytes_come(
        self, texts: list[str], mask: bytes, data: Any
    ) -> None:
        socket, taken = taking(Edge())
        left = b"".join(masked(1, text.encode(), mask) for text in texts)
        while left:
            count = data.draw(some.integers(1, len(left)))
            socket.connection.tell(left[:count])
            left = left[count:]

        assert taken == [(text.encode(), True) for text in texts]

    def test_messages_in_pieces_do_not_meddle_with_those_of_others(self, edge: Edge) -> None:
        """Each cuts a letter in two, and another connection says something in between."""
        (one, of_one), (other, of_other) = taking(edge), taking(edge)
        euro = "€".encode()
        one.connection.tell(masked(1, b"a" + euro[:1], fin=False))
        other.connection.tell(masked(1, euro))
        other.connection.tell(masked(1, euro[:2], fin=False))
        one.connection.tell(masked(0, euro[1:]))
        other.connection.tell(masked(0, euro[2:]))

        assert of_one == [("a€".encode(), True)]
        assert of_other == [(euro, True), (euro, True)]

    def test_a_frame_that_comes_in_two_pieces_is_judged_by_itself(self, edge: Edge) -> None:
        (one, of_one), (other, of_other) = taking(edge), taking(edge)
        frame = masked(1, "€€".encode())
        one.connection.tell(frame[:7])
        other.connection.tell(frame)
        one.connection.tell(frame[7:])

        assert of_one == of_other == [("€€".encode(), True)]

    def test_a_message_that_ends_within_a_letter_is_1007_also_in_pieces(self, edge: Edge) -> None:
        socket, taken = taking(edge)
        socket.connection.tell(masked(1, b"\xe2", fin=False))
        socket.connection.tell(masked(0, b"\x82"))

        assert socket.closed_with() == 1007
        assert taken == []

    def test_a_ping_between_two_pieces_is_answered(self, edge: Edge) -> None:
        socket, taken = taking(edge)
        socket.connection.tell(masked(1, b"a\xe2", fin=False) + masked(9, b"hi") + masked(0, b"\x82\xac"))

        assert (10, b"hi") in socket.frames()
        assert taken == [("a€".encode(), True)]


class TestKept:
    def test_an_idle_connection_keeps_only_what_is_its_own(self, edge: Edge) -> None:
        socket = edge.socket()
        protocol = socket.connection.protocol
        for told in ({"type": "join", "room": "lobby"}, {"type": "leave", "room": "lobby"}):
            text = json.dumps(told).encode()
            socket.connection.tell(masked(1, text[:9], fin=False) + masked(9, b"") + masked(0, text[9:]))

        assert [frame["type"] for frame in socket.told()] == ["hello", "joined"]
        assert len(vars(protocol)) <= KEYS_SHARED
        assert not {
            name for name, value in vars(protocol).items() if isinstance(value, bytes | list) and value
        }
        assert protocol.current_frame_masker is None
        assert "utf8validator" not in vars(protocol)

    def test_nothing_is_left_of_the_handshake(self, edge: Edge) -> None:
        gc.collect()
        gc.disable()
        try:
            socket = edge.socket(Origin="http://localhost")
            left = [one for one in gc.get_objects() if isinstance(one, Channel | ChatRequest)]
        finally:
            gc.enable()

        assert socket.told()
        assert left == []
