"""A caller on a WebSocket, and who is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from realtime.presence import Member
from rooms.messages import Author, Page
from tests.support_bytes import Socket
from tests.support_client import hello, ids, join, overhear
from tests.support_edge import ANA, Edge
from tests.support_realtime import MAY_SEE


class Present:
    """Stands for presence: keeps who entered, and lets a test show them something."""

    def __init__(self) -> None:
        self.entered: list[tuple[str, Author | None, Member]] = []
        self.typing: list[tuple[str, Author]] = []
        self.members: dict[Member, str] = {}

    def enter(self, room: str, user: Author | None, member: Member) -> Callable[[], None]:
        self.entered.append((room, user, member))
        self.members[member] = room

        def leave() -> None:
            self.members.pop(member, None)

        return leave

    def typed(self, room: str, user: Author) -> None:
        self.typing.append((room, user))

    def show(self) -> list[bool]:
        """Show all of them something, and return who took it."""
        return [member.hear(b'{"type":"presence","room":"lobby","users":[]}') for member in self.members]


class TestPresence:
    @pytest.fixture
    def present(self) -> Present:
        return Present()

    @pytest.fixture
    def edge(self, present: Present) -> Edge:
        edge = Edge(presence=present)
        edge.post("lobby", "one")
        return edge

    @pytest.fixture
    def member(self, edge: Edge) -> Socket:
        socket = hello(edge)
        join(socket, after=1)
        return socket

    def test_who_joins_is_there_until_they_leave(self, present: Present, member: Socket) -> None:
        assert [entry[:2] for entry in present.entered] == [("lobby", Author(3, "ana"))]
        assert present.show() == [True]
        assert member.told() == [{"type": "presence", "room": "lobby", "users": []}]

        member.send({"type": "leave", "room": "lobby"})
        assert present.members == {}

    def test_joining_anew_they_are_there_once(self, present: Present, member: Socket) -> None:
        join(member, after=0)
        join(member)

        assert len(present.entered) == 2
        assert len(present.members) == 1

    def test_who_overhears_is_not_there(self, edge: Edge, present: Present) -> None:
        listener = hello(edge)
        overhear(listener, "lobby")
        listener.send({"type": "typing", "room": "lobby"})
        assert [frame["code"] for frame in listener.told()] == ["bad_request"]
        edge.post("lobby", "two")

        assert ids(listener.told()) == [2]
        assert present.entered == []

    def test_who_overhears_comes_in_without_missing_anything(self, edge: Edge, present: Present) -> None:
        listener = hello(edge)
        overhear(listener, "lobby")
        assert [frame["type"] for frame in join(listener)] == ["joined"]
        assert (len(present.members), overhear(listener)) == (1, [])
        edge.post("lobby", "two")

        assert ids(listener.told()) == [2]

    def test_a_guest_is_there_without_a_name(self, edge: Edge, present: Present) -> None:
        join(edge.socket())

        assert present.entered[0][1] is None
        assert present.entered[0][2].user_id is None

    def test_who_hangs_up_is_gone(self, present: Present, member: Socket) -> None:
        member.connection.hang_up()

        assert present.members == {}

    def test_the_banned_are_gone_and_shown_nothing(
        self, edge: Edge, present: Present, member: Socket
    ) -> None:
        [(_room, _user, told)] = present.entered
        edge.chat.ban("lobby", ANA.user_id)
        edge.hub.access_changed(frozenset({"lobby"}))
        edge.clock.advance(1)
        assert [frame["type"] for frame in member.told()] == ["left"]

        assert present.members == {}
        assert not told.hear(b"not for you")
        assert member.told() == []

    def test_while_rights_are_asked_nobody_is_shown_anything(self, edge: Edge, present: Present) -> None:
        answer: Deferred[None] = Deferred()
        rights = edge.chat.rights

        async def later(room: str, readers: Any) -> Any:
            await answer
            return rights(room, readers)

        member = hello(edge)
        join(member, after=1)
        edge.chat.who_may = later  # type: ignore[assignment,method-assign]
        edge.hub.access_changed(frozenset({"lobby"}))
        assert present.show() == [False]
        member.send({"type": "typing", "room": "lobby"})
        assert present.typing == []

        answer.callback(None)
        assert present.show() == [True]
        member.send({"type": "typing", "room": "lobby"})
        assert len(present.typing) == 1

    def test_a_connection_that_takes_no_more_is_shown_nothing(self, present: Present, member: Socket) -> None:
        member.connection.producer.pauseProducing()
        assert present.show() == [False]
        member.connection.producer.resumeProducing()
        assert present.show() == [True]

    def test_who_may_no_longer_post_is_not_shown_typing(
        self, edge: Edge, present: Present, member: Socket
    ) -> None:
        for change, shown in ((edge.chat.mute, 0), (edge.chat.unmute, 1)):
            change("lobby", ANA.user_id)
            edge.hub.access_changed(frozenset({"lobby"}))
            member.send({"type": "typing", "room": "lobby"})
            assert len(present.typing) == shown

    def test_a_join_that_was_read_before_a_change_does_not_undo_it(
        self, edge: Edge, present: Present, member: Socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer: Deferred[None] = Deferred()
        page = Page("lobby", (), False, 1, 1, edge.chat.versions("lobby"), MAY_SEE)

        async def read(*_asked: Any) -> Page:
            await answer
            return page

        monkeypatch.setattr(edge.chat, "read", read)
        join(member, last=1)
        edge.chat.mute("lobby", ANA.user_id)
        edge.hub.access_changed(frozenset({"lobby"}))
        answer.callback(None)
        member.send({"type": "typing", "room": "lobby"})
        assert present.typing == []

    def test_typing_is_passed_on(self, present: Present, member: Socket) -> None:
        member.send({"type": "typing", "room": "lobby"})

        assert present.typing == [("lobby", Author(3, "ana"))]
        assert member.told() == []

    def test_typing_needs_a_join(self, present: Present, member: Socket) -> None:
        member.send({"type": "typing", "room": "den"})

        [error] = member.told()
        assert (error["code"], error["room"]) == ("bad_request", "den")
        assert present.typing == []

    def test_typing_needs_an_account(self, edge: Edge, present: Present) -> None:
        guest = edge.socket()
        join(guest)
        guest.send({"type": "typing", "room": "lobby"})

        assert guest.told()[-1]["code"] == "not_authenticated"
        assert present.typing == []

    def test_who_may_not_post_does_not_type(self, edge: Edge, present: Present) -> None:
        edge.chat.access = replace(edge.chat.access, post=False)
        member = hello(edge)
        join(member, after=1)
        member.send({"type": "typing", "room": "lobby"})
        assert present.typing == []

        edge.chat.access = replace(edge.chat.access, post=True)
        join(member)
        member.send({"type": "typing", "room": "lobby"})
        assert len(present.typing) == 1
