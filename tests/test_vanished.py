"""Connections whose peer's host is gone end, also where nobody says anything."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from realtime import vanished


class Transport:
    """A connection as Twisted has it."""

    def __init__(self, made: socket.socket) -> None:
        self.socket = made


class Connected:
    """A socket whose kernel says what a test wants."""

    family = socket.AF_INET


class Tls:
    """The same under TLS."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        stack.enter_context(socket.create_connection(listening.getsockname()))
        yield stack.enter_context(listening.accept()[0])


@pytest.mark.parametrize("under_tls", [False, True])
def test_a_silent_peer_is_asked_and_given_up_in_time(connection: socket.socket, under_tls: bool) -> None:
    transport = Transport(connection)
    vanished.watch(Tls(transport) if under_tls else transport, 40)
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    idle_s, each_s, count = (
        connection.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
    )
    assert idle_s + each_s * count <= 40


def test_one_who_reads_slowly_is_not_gone(connection: socket.socket) -> None:
    """Its window is closed, and it says so as often as it is asked."""
    vanished.watch(Transport(connection), 40)
    connection.setblocking(False)
    try:
        while connection.send(b"x" * 65_536):
            pass
    except BlockingIOError:
        pass
    assert not vanished.is_gone(Transport(connection), 20)
    assert not connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


@pytest.mark.parametrize(
    ("unacknowledged", "since_ms", "gone"), [(1, 22_500, True), (1, 22_499, False), (0, 99_999, False)]
)
def test_gone_is_who_acknowledges_nothing_of_what_is_under_way(
    unacknowledged: int, since_ms: int, gone: bool
) -> None:
    class Told(Connected):
        def getsockopt(self, _level: int, _option: int, size: int) -> bytes:
            numbers = [0] * 13
            numbers[4], numbers[12] = unacknowledged, since_ms
            return struct.pack("8x13I", *numbers)[:size]

    assert vanished.is_gone(Transport(Told()), 22.5) is gone  # type: ignore[arg-type]


def test_the_kernel_tells_since_when_nothing_was_acknowledged(connection: socket.socket) -> None:
    connection.send(b"hello")
    assert not vanished.is_gone(Transport(connection), 20)


def test_unix_sockets_have_no_hosts() -> None:
    one, other = socket.socketpair()
    with one, other:
        vanished.watch(Transport(one), 40)
        assert not one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_transport_without_a_socket_is_left_alone() -> None:
    vanished.watch(object(), 40)
    assert not vanished.is_gone(object(), 20)
