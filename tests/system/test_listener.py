"""Two servers on one PostgreSQL, and plain Django beside them: what one writes, the others' readers get.

The servers poll once a minute, so what arrives was told.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from rooms import log
from rooms.models import Ban, ChatRoom
from tests.support_rooms import LOBBY
from tests.system.http import Api
from tests.system.server import RunningChat
from tests.system.site import Caller, caller, leave_the_database
from tests.system.websocket import WebSocket

pytestmark = pytest.mark.postgresql

PROMPTLY_S = 1.0
SELDOM: dict[str, Any] = {"CHAT_POLL_INTERVAL_S": "60"}
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()"
HEARS, TELLS = "chat: hears others", "chat: tells others"


@contextmanager
def servers(count: int = 2, **environment: str) -> Iterator[list[RunningChat]]:
    """Run servers that listen, each on a port of its own."""
    with ExitStack() as stack:
        chats = [stack.enter_context(RunningChat(**environment)) for _ in range(count)]
        if environment.get("CHAT_LISTEN") != "0":
            wait_for_listeners(count)
        yield chats


def wait_for_listeners(count: int, but: frozenset[int] = frozenset()) -> frozenset[int]:
    """Return the backends of listeners that have said LISTEN, none of `but`, once there are so many."""
    end = time.monotonic() + 15
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f"{BACKENDS} AND query = %s AND state = %s", [HEARS, "LISTEN chat", "idle"])
            found = frozenset(pid for (pid,) in cursor.fetchall()) - but
        if len(found) == count:
            return found
        assert time.monotonic() < end, f"{len(found)} servers listen"
        time.sleep(0.02)  # noqa: TID251 (nothing but asking tells that another process listens)


def terminate(name: str) -> None:
    """End the backends of connections of this name, of which there must be one."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS}) found", [name])  # noqa: S608 (ours)
        assert cursor.fetchall() == [(True,)]


@contextmanager
def joined(chat: RunningChat, who: Caller, room: str = LOBBY) -> Iterator[WebSocket]:
    """Be in a room, live."""
    with WebSocket(chat.port, token=who.token) as socket:
        socket.send(type="join", room=room)
        socket.receive_type("joined")
        yield socket


def say(chat: RunningChat, who: Caller, body: str) -> None:
    """Post by a server's API."""
    Api(chat.port, who.token).send(LOBBY, body, body.replace(" ", "-"))


def say_without_a_word(body: str) -> None:
    """Post as plain Django does, telling no other process."""
    with override_settings(CHAT_LISTEN=0):
        log.post(ChatRoom.objects.get(slug=LOBBY), None, body)


def next_body(socket: WebSocket) -> str:
    """Return the text of the next message; there must be one."""
    [message] = socket.receive_type("messages")["messages"]
    body: str = message["body"]
    return body


def took_s(work: Any) -> float:
    """Return how long something takes."""
    began_s = time.monotonic()
    work()
    return time.monotonic() - began_s


def people(socket: WebSocket) -> list[str]:
    """Return who is in the room, by the next list."""
    return [user["name"] for user in socket.receive_type("presence")["users"]]


def test_what_one_process_writes_reaches_readers_of_the_others_at_once() -> None:
    ana, ben = caller("ana"), caller("ben")
    leave_the_database()
    with servers(**SELDOM) as (one, other), joined(one, ana) as here, joined(other, ben) as there:
        latencies = []
        for number in range(20):
            say(one, ana, f"by a server {number}")
            latencies.append(took_s(lambda: next_body(there)))
        assert max(latencies) < PROMPTLY_S
        assert median(latencies) < PROMPTLY_S / 4

        log.post(ChatRoom.objects.get(slug=LOBBY), None, "by plain Django")
        assert took_s(lambda: next_body(there)) < PROMPTLY_S

        for _ in range(20):
            next_body(here)
        assert next_body(here) == "by plain Django"
        assert (one.terminate(), other.terminate()) == (0, 0)


def test_a_ban_and_a_new_epoch_reach_readers_of_other_processes_at_once() -> None:
    ana, ben = caller("ana"), caller("ben")
    leave_the_database()
    with servers(1, **SELDOM) as (chat,), joined(chat, ana) as banned, joined(chat, ben) as reader:
        room = ChatRoom.objects.get(slug=LOBBY)
        log.post(room, None, "both read this")
        assert next_body(banned) == next_body(reader) == "both read this"

        def ban() -> None:
            Ban.objects.create(room=room, user=ana.user)
            assert banned.receive_type("left", "messages")["code"] == "forbidden"

        assert took_s(ban) < PROMPTLY_S

        def begin_anew() -> None:
            epoch = log.new_epoch()
            assert reader.receive_type("reset")["epoch"] == epoch

        assert took_s(begin_anew) < PROMPTLY_S


def test_where_every_notification_is_lost_the_poll_finds_it() -> None:
    ana, ben = caller("ana"), caller("ben")
    leave_the_database()
    with servers(CHAT_LISTEN="0") as (one, other), joined(one, ana), joined(other, ben) as there:
        wait_for_listeners(0)
        for number in range(5):
            say(one, ana, f"message {number}")
            assert took_s(lambda: next_body(there)) < 1.5


def test_a_listener_whose_backend_is_terminated_connects_again_and_catches_up() -> None:
    ana = caller("ana")
    leave_the_database()
    with servers(1, **SELDOM) as (chat,), joined(chat, ana) as reader:
        for number in range(3):
            before = wait_for_listeners(1)
            say_without_a_word(f"nobody was told of {number}")
            terminate(HEARS)
            assert took_s(lambda: next_body(reader)) < 5
            wait_for_listeners(1, but=before)
            log.post(ChatRoom.objects.get(slug=LOBBY), None, f"heard again {number}")
            assert took_s(lambda: next_body(reader)) < PROMPTLY_S
        terminate(TELLS)
        with one_more() as other, joined(other, ana) as there:
            say(chat, ana, "told by a new connection")
            assert took_s(lambda: next_body(there)) < PROMPTLY_S
        assert chat.terminate() == 0


@contextmanager
def one_more() -> Iterator[RunningChat]:
    """Run a second server."""
    with RunningChat(**SELDOM) as other:
        wait_for_listeners(2)
        yield other


def test_people_see_who_is_there_and_who_types_by_other_servers() -> None:
    ana, ben, eve = caller("ana"), caller("ben"), caller("eve")
    leave_the_database()
    with servers(3, **SELDOM) as (one, other, third), joined(one, ana) as here:
        assert people(here) == ["ana"]
        with joined(other, ben) as there, joined(third, eve) as beside:
            shown: list[str] = []
            while shown != ["ana", "ben", "eve"]:
                shown = people(here)
            while people(there) != shown:
                pass
            here.send(type="typing", room=LOBBY)
            assert there.receive_type("typing")["user"] == {"id": ana.user.pk, "name": "ana"}
            assert beside.receive_type("typing")["user"]["name"] == "ana"

            third.kill()
            assert took_s(lambda: until_shown(here, ["ana", "ben"])) < 15
            other.terminate()
            assert took_s(lambda: until_shown(here, ["ana"])) < 2 * PROMPTLY_S


def until_shown(socket: WebSocket, names: list[str]) -> None:
    """Wait until these are there."""
    while people(socket) != names:
        pass
