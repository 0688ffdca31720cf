"""Who is out is out on every transport, whoever says so: here a process beside the server.

On PostgreSQL the server polls once a minute, so what it hears was told; on SQLite its poll finds it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from rooms.models import ApiToken
from rooms.people import Suspension
from tests.support_rooms import LOBBY
from tests.system.http import Answer, Api
from tests.system.server import RunningChat
from tests.system.site import caller, leave_the_database
from tests.system.test_listener import SELDOM, wait_for_listeners
from tests.system.websocket import Closed, Refused, WebSocket

pytestmark = pytest.mark.databases

PROMPTLY_S, SOON_S = 1.0, 5.0
SLACK_S = 0.5
"""For a machine that does more than this: what is promised is measured from the commit."""


class Reading(AbstractContextManager["Reading"]):
    """Somebody who reads the lobby by all transports at once, by the same credential."""

    def __init__(self, chat: RunningChat, header: str) -> None:
        """Connect, and be live."""
        self.chat, self.header = chat, header
        name, _colon, value = header.partition(": ")
        self.api = Api(chat.port)
        self.api.headers = {name: value}
        self._stack = ExitStack()
        self._answers: list[Answer] = []
        head = self.api.page(LOBBY, "limit=1")["last_id"]
        path = f"/api/rooms/{LOBBY}/messages?after={head}&wait=60"
        self.poll = threading.Thread(target=lambda: self._answers.append(self.api.call("GET", path)))
        self.poll.start()
        self.stream = self._stack.enter_context(closing(self.api.stream(LOBBY)))
        self.events = iter(self.stream)
        assert next(self.events)[0] == "hello"
        self.socket = self._stack.enter_context(WebSocket(chat.port, headers=(header,)))
        self.socket.send(type="join", room=LOBBY)
        self.socket.receive_type("joined")
        assert not self._answers, "the poll was not parked"

    def __enter__(self) -> Self:
        """Take part in `with`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Hang up."""
        self._stack.close()

    def is_out(self) -> None:
        """Wait until all three are told that the credential no longer holds."""
        assert self._close_code() == 1008
        left = list(self.events)[-1]
        assert (left[0], left[2]["code"]) == ("left", "not_authenticated")
        self.poll.join(20)
        [answer] = self._answers
        assert (answer.status, answer.json["code"]) == (401, "not_authenticated")

    def _close_code(self) -> int | None:
        try:
            while True:
                self.socket.receive()
        except Closed as closed:
            return closed.code

    def comes_again(self) -> int:
        """Return the status of a call, which is also that of an upgrade."""
        status = self.api.call("GET", f"/api/rooms/{LOBBY}/messages").status
        assert self.upgrade() == status
        return status

    def upgrade(self) -> int:
        """Return how a WebSocket is answered; 200 stands for one that opens."""
        try:
            WebSocket(self.chat.port, headers=(self.header,)).hang_up()
        except Refused as refused:
            return refused.status
        return 200


def serving() -> AbstractContextManager[RunningChat]:
    """Run a server that hears of accounts from others at once, or nearly."""
    return RunningChat(**(SELDOM if connection.vendor == "postgresql" else {}))


def disabled(user: User, _client: Client) -> None:
    user.is_active = False
    user.save()


def password_changed(user: User, _client: Client) -> None:
    user.set_password("another long passphrase")
    user.save()


def suspended(user: User, _client: Client) -> None:
    Suspension.objects.create(user=user)


def logged_out(_user: User, client: Client) -> None:
    client.post(reverse("rooms:logout"))


def session_removed(_user: User, client: Client) -> None:
    Session.objects.filter(session_key=client.session.session_key).delete()


@pytest.mark.parametrize(
    ("deed", "limit_s"),
    [
        (disabled, PROMPTLY_S),
        (password_changed, PROMPTLY_S),
        (suspended, PROMPTLY_S),
        (logged_out, SOON_S),
        (session_removed, SOON_S),
    ],
)
def test_a_session_ends_on_every_transport(deed: Callable[[User, Client], None], limit_s: float) -> None:
    ana = caller("ana").user
    client = Client()
    client.force_login(ana)
    header = f"Cookie: sessionid={client.session.session_key}"
    leave_the_database()
    with serving() as chat:
        _hears(chat)
        with Reading(chat, header) as reading:
            began_s = time.monotonic()
            deed(ana, client)
            reading.is_out()
            assert time.monotonic() - began_s < limit_s + SLACK_S
            assert reading.comes_again() == 401
        assert chat.terminate() == 0


@pytest.mark.parametrize("deed", [disabled, suspended])
def test_so_does_a_token(deed: Callable[[User, Client], None]) -> None:
    ana = caller("ana")
    leave_the_database()
    with serving() as chat:
        _hears(chat)
        with Reading(chat, f"Authorization: Bearer {ana.token}") as reading:
            began_s = time.monotonic()
            deed(ana.user, Client())
            reading.is_out()
            assert time.monotonic() - began_s < PROMPTLY_S + SLACK_S
            assert reading.comes_again() == 401


def test_a_revoked_token_ends_within_a_second_too() -> None:
    ana = caller("ana")
    leave_the_database()
    with serving() as chat:
        _hears(chat)
        with Reading(chat, f"Authorization: Bearer {ana.token}") as reading:
            began_s = time.monotonic()
            ApiToken.objects.get().delete()
            reading.is_out()
            assert time.monotonic() - began_s < PROMPTLY_S + SLACK_S


def test_a_suspension_ends_by_itself_and_when_it_is_lifted() -> None:
    ana = caller("ana")
    client = Client()
    client.force_login(ana.user)
    leave_the_database()
    with serving() as chat:
        _hears(chat)
        with Reading(chat, f"Authorization: Bearer {ana.token}") as reading:
            row = Suspension.objects.create(user=ana.user)
            reading.is_out()
        assert _page(chat, client) == 302, "Django's pages as well"
        row.delete()
        assert _until(lambda: reading.upgrade() == 200) < PROMPTLY_S + SLACK_S
        assert reading.comes_again() == 200
        assert _page(chat, client) == 200

        with Reading(chat, f"Authorization: Bearer {ana.token}") as again:
            until = timezone.now() + timedelta(seconds=3)
            Suspension.objects.create(user=ana.user, until=until)
            again.is_out()
            assert timezone.now() < until
        # Who was asked about in its last moment is remembered as out for five seconds.
        assert _until(lambda: again.upgrade() == 200) < 3 + SOON_S + SLACK_S
        assert timezone.now() >= until
        assert again.comes_again() == 200
        assert _page(chat, client) == 200


def _hears(chat: RunningChat) -> None:
    """Wait until the server hears others."""
    if connection.vendor == "postgresql":
        wait_for_listeners(1)
    assert chat.running


def _page(chat: RunningChat, client: Client) -> int:
    """Return the status of a page that is for people who are logged in."""
    headers: dict[str, Any] = {"Cookie": f"sessionid={client.session.session_key}"}
    return Api(chat.port).call("GET", reverse("rooms:tokens"), headers=headers).status


def _until(condition: Callable[[], bool]) -> float:
    """Return how long it took until something was so, 20 seconds at most."""
    began_s = time.monotonic()
    while not condition():
        assert time.monotonic() - began_s < 20
        time.sleep(0.05)  # noqa: TID251 (nothing but asking tells)
    return time.monotonic() - began_s
