"""The HTTP API's calls about rooms and who belongs to them: made, changed, joined, read, invited into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from django.urls import reverse
from msgspec import UNSET

from realtime import queries, wire_rooms
from realtime.errors import BadRequest, refusal
from realtime.transports.doorkeeper import as_django_sees
from realtime.transports.http import Answer, Call, Route, decoded
from realtime.wire import encode
from rooms.actions import (
    AcceptInvitation,
    Archive,
    CreateRoom,
    Invite,
    Join,
    Leave,
    MarkRead,
    MuteForOneself,
    OpenDirect,
    OpenToGuests,
    Remove,
    Rename,
    RevokeInvitation,
    SetKeepDays,
    SetReadOnly,
    SetRole,
    SetSlowMode,
    SetTopic,
    SetVisibility,
)
from rooms.messages import Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from rooms.actions import Action, RoomAction
    from rooms.answers import Invitation, Members, Opened, Reading
    from rooms.messages import Posted, RoomSummary, UserId

CHANGES: Mapping[str, Callable[[str, Any], RoomAction]] = {
    "name": Rename,
    "topic": SetTopic,
    "private": SetVisibility,
    "open_to_guests": OpenToGuests,
    "archived": Archive,
    "read_only": SetReadOnly,
    "slow_mode": SetSlowMode,
    "keep_days": SetKeepDays,
}
"""What each field of PATCH /api/rooms/{room} asks for, in the order in which it is done."""


class Deeds(Protocol):
    """What rooms are asked for, and what is read of them. Raises Refusal where it is refused."""

    def perform(self, by: UserId | None, action: Action) -> Awaitable[Any]:
        """Do it, and return what is answered."""

    def perform_all(self, by: UserId | None, actions: Sequence[RoomAction]) -> Awaitable[list[Any]]:
        """Do several things in one room, all of them or none."""

    def room_for(self, reader: UserId | None, slug: str) -> Awaitable[RoomSummary | Refused]:
        """Return a room as the reader sees it."""

    def members(
        self, reader: UserId | None, slug: str, after: UserId | None, limit: int
    ) -> Awaitable[Members | Refused]:
        """Return who belongs to a room."""

    def invitations(self, reader: UserId | None, slug: str) -> Awaitable[tuple[Invitation, ...] | Refused]:
        """Return the links into a room."""

    def search(self, reader: UserId | None, query: queries.SearchQuery) -> Awaitable[Found | Refused]:
        """Return messages that hold all the words, the newest first."""


class Found(Protocol):
    """What a search has found."""

    @property
    def messages(self) -> Sequence[Posted]:
        """The messages."""

    @property
    def more(self) -> bool:
        """Whether there are more below the last of them."""


class Markers(Protocol):
    """What the other connections of somebody are told."""

    def told(self, user: UserId, room: str, up_to: int) -> None:
        """Tell how far they have read."""


class RoomCalls:
    """The endpoints."""

    def __init__(self, deeds: Deeds, markers: Markers) -> None:
        """Have `deeds` done, and tell `markers` what was read."""
        self._deeds = deeds
        self._markers = markers

    def routes(self) -> list[Route]:
        """Return the routes."""
        room = "/api/rooms/{room}"
        return [
            Route("/api/rooms", {"POST": self.create}),
            Route("/api/search", {"GET": self.search}),
            Route("/api/direct", {"POST": self.direct}),
            Route("/api/invitations", {"POST": self.accept}),
            Route(room, {"GET": self.room, "PATCH": self.change}),
            Route(room + "/members", {"GET": self.members}),
            Route(room + "/members/{user}", {"PUT": self.add, "DELETE": self.remove}),
            Route(room + "/read", {"PUT": self.read}),
            Route(room + "/muted", {"PUT": self.quiet}),
            Route(room + "/invitations", {"GET": self.invitations, "POST": self.invite}),
            Route(room + "/invitations/{invitation}", {"DELETE": self.revoke}),
        ]

    async def create(self, call: Call) -> Answer:
        """POST /api/rooms."""
        body = decoded(call, wire_rooms.NewRoom)
        made = await self._deeds.perform(
            call.reader, CreateRoom(body.name, body.room, body.topic, private=body.private)
        )
        return await self._opened(call, made)

    async def direct(self, call: Call) -> Answer:
        """POST /api/direct."""
        body = decoded(call, wire_rooms.DirectWith)
        return await self._opened(call, await self._deeds.perform(call.reader, OpenDirect(body.user)))

    async def accept(self, call: Call) -> Answer:
        """POST /api/invitations."""
        body = decoded(call, wire_rooms.WithToken)
        opened = await self._deeds.perform(call.reader, AcceptInvitation(body.token))
        return await self._room(call, opened.room)

    async def room(self, call: Call) -> Answer:
        """GET /api/rooms/{room}."""
        return await self._room(call, call.room)

    async def change(self, call: Call) -> Answer:
        """PATCH /api/rooms/{room}."""
        body = decoded(call, wire_rooms.RoomChanges)
        given = {name: getattr(body, name) for name in CHANGES}
        actions = [CHANGES[name](call.room, value) for name, value in given.items() if value is not UNSET]
        if not actions:
            raise BadRequest(f"Nothing is to be changed: send any of {', '.join(CHANGES)}")
        await self._deeds.perform_all(call.reader, actions)
        return await self._room(call, call.room)

    async def members(self, call: Call) -> Answer:
        """GET /api/rooms/{room}/members."""
        after, limit = queries.decode_members_query(call.exchange.query)
        found = await self._deeds.members(call.reader, call.room, after, limit)
        if isinstance(found, Refused):
            raise refusal(found)
        return Answer(200, wire_rooms.encode_members(found))

    async def add(self, call: Call) -> Answer:
        """PUT /api/rooms/{room}/members/{user}."""
        role = decoded(call, wire_rooms.InRole).role
        joins = call.is_me and role == "member"
        action = Join(call.room) if joins else SetRole(call.room, call.person, role)
        return Answer(200, wire_rooms.encode_member(await self._deeds.perform(call.reader, action)))

    async def remove(self, call: Call) -> Answer:
        """DELETE /api/rooms/{room}/members/{user}."""
        reason = decoded(call, wire_rooms.Because).reason or ""
        leaves = call.is_about_caller
        action = Leave(call.room) if leaves else Remove(call.room, call.person, reason)
        await self._deeds.perform(call.reader, action)
        return Answer(204, b"")

    async def read(self, call: Call) -> Answer:
        """PUT /api/rooms/{room}/read."""
        up_to = decoded(call, wire_rooms.ReadUpTo).id
        reading: Reading = await self._deeds.perform(call.reader, MarkRead(call.room, up_to))
        self._markers.told(call.known, call.room, reading.read)
        return Answer(200, wire_rooms.encode_reading(reading))

    async def quiet(self, call: Call) -> Answer:
        """PUT /api/rooms/{room}/muted."""
        muted = decoded(call, wire_rooms.Quiet).muted
        muted = await self._deeds.perform(call.reader, MuteForOneself(call.room, muted))
        return Answer(200, encode({"muted": muted}))

    async def invitations(self, call: Call) -> Answer:
        """GET /api/rooms/{room}/invitations."""
        found = await self._deeds.invitations(call.reader, call.room)
        if isinstance(found, Refused):
            raise refusal(found)
        return Answer(200, wire_rooms.encode_invitations(found))

    async def invite(self, call: Call) -> Answer:
        """POST /api/rooms/{room}/invitations."""
        body = decoded(call, wire_rooms.NewInvitation)
        invited = await self._deeds.perform(call.reader, Invite(call.room, body.seconds, body.uses))
        page = reverse("rooms:invitation", args=[invited.token])
        url = as_django_sees(call.exchange.request).build_absolute_uri(page)
        return Answer(201, wire_rooms.encode_invited(invited, url))

    async def revoke(self, call: Call) -> Answer:
        """DELETE /api/rooms/{room}/invitations/{invitation}."""
        await self._deeds.perform(call.reader, RevokeInvitation(call.room, call.number("invitation")))
        return Answer(204, b"")

    async def search(self, call: Call) -> Answer:
        """GET /api/search."""
        found = await self._deeds.search(call.reader, queries.decode_search_query(call.exchange.query))
        if isinstance(found, Refused):
            raise refusal(found)
        return Answer(200, wire_rooms.encode_found(found.messages, more=found.more))

    async def _opened(self, call: Call, opened: Opened) -> Answer:
        return await self._room(call, opened.room, 201 if opened.fresh else 200)

    async def _room(self, call: Call, slug: str, status: int = 200) -> Answer:
        room = await self._deeds.room_for(call.reader, slug)
        if isinstance(room, Refused):
            raise refusal(room)
        return Answer(status, wire_rooms.encode_room(room))
