"""Connections whose peer's host is gone end, also where nobody says anything."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from realtime import vanished


class Transport:
    """A connection as Twisted has it."""

    def __init__(self, made: socket.socket) -> None:
        self.socket = made


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


def test_what_a_peer_does_not_acknowledge_is_not_waited_for_longer(connection: socket.socket) -> None:
    vanished.watch(Transport(connection), 40)
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 40_000


def test_unix_sockets_have_no_hosts() -> None:
    one, other = socket.socketpair()
    with one, other:
        vanished.watch(Transport(one), 40)
        assert not one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_a_transport_without_a_socket_is_left_alone() -> None:
    vanished.watch(object(), 40)
