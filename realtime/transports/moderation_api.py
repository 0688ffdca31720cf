"""The HTTP API's calls of moderators, and the report that leads to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from realtime import wire_rooms
from realtime.transports.http import Answer, Call, Route, decoded
from realtime.wire import encode
from rooms.actions import (
    BanPerson,
    MutePerson,
    Purge,
    RedactAllOf,
    ReportMessage,
    SettleReport,
    Suspend,
    Unban,
    Unmute,
    Unsuspend,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from rooms.actions import Action
    from rooms.answers import OpenReport, Reported, Sanctioned
    from rooms.messages import UserId

DONE = Answer(204, b"")


class Moderation(Protocol):
    """What is done, and what moderators see. Raises Refusal where it is refused."""

    def perform(self, by: UserId | None, action: Action) -> Awaitable[Any]:
        """Do it, and return what is answered."""

    def mutes(self, reader: UserId | None, slug: str) -> Awaitable[tuple[Sanctioned, ...]]:
        """Return who is muted in a room."""

    def bans(self, reader: UserId | None, slug: str) -> Awaitable[tuple[Sanctioned, ...]]:
        """Return who is banned from a room."""

    def open_reports(self, reader: UserId | None) -> Awaitable[tuple[OpenReport, ...]]:
        """Return the reports that wait for the reader."""


class ModerationCalls:
    """The endpoints."""

    def __init__(self, moderation: Moderation) -> None:
        """Have `moderation` do it."""
        self._moderation = moderation

    def routes(self) -> list[Route]:
        """Return the routes."""
        room, message = "/api/rooms/{room}", "/api/rooms/{room}/messages/{id}"
        return [
            Route(room + "/mutes", {"GET": self.mutes}),
            Route(room + "/mutes/{user}", {"PUT": self.mute, "DELETE": self.unmute}),
            Route(room + "/bans", {"GET": self.bans}),
            Route(room + "/bans/{user}", {"PUT": self.ban, "DELETE": self.unban}),
            Route(room + "/redactions", {"POST": self.redact_all}),
            Route(message + "/reports", {"POST": self.report}),
            Route(message + "/purge", {"POST": self.purge}),
            Route("/api/reports", {"GET": self.reports}),
            Route("/api/reports/{report}", {"POST": self.settle}),
            Route("/api/suspensions/{user}", {"PUT": self.suspend, "DELETE": self.unsuspend}),
        ]

    async def mutes(self, call: Call) -> Answer:
        """GET /api/rooms/{room}/mutes."""
        found = await self._moderation.mutes(call.reader, call.room)
        return Answer(200, wire_rooms.encode_sanctions("mutes", found))

    async def bans(self, call: Call) -> Answer:
        """GET /api/rooms/{room}/bans."""
        found = await self._moderation.bans(call.reader, call.room)
        return Answer(200, wire_rooms.encode_sanctions("bans", found))

    async def mute(self, call: Call) -> Answer:
        """PUT /api/rooms/{room}/mutes/{user}."""
        body = decoded(call, wire_rooms.ForMinutes)
        action = MutePerson(call.room, call.person, body.minutes, body.reason or "")
        return Answer(200, wire_rooms.encode_sanction(await self._done(call, action)))

    async def ban(self, call: Call) -> Answer:
        """PUT /api/rooms/{room}/bans/{user}."""
        body = decoded(call, wire_rooms.ForMinutes)
        action = BanPerson(call.room, call.person, body.minutes, body.reason or "")
        return Answer(200, wire_rooms.encode_sanction(await self._done(call, action)))

    async def unmute(self, call: Call) -> Answer:
        """DELETE /api/rooms/{room}/mutes/{user}."""
        await self._done(call, Unmute(call.room, call.person))
        return DONE

    async def unban(self, call: Call) -> Answer:
        """DELETE /api/rooms/{room}/bans/{user}."""
        await self._done(call, Unban(call.room, call.person))
        return DONE

    async def redact_all(self, call: Call) -> Answer:
        """POST /api/rooms/{room}/redactions."""
        body = decoded(call, wire_rooms.AllOf)
        redacted = await self._done(call, RedactAllOf(call.room, body.user, body.since, body.reason or ""))
        return Answer(200, encode({"redacted": redacted}))

    async def report(self, call: Call) -> Answer:
        """POST /api/rooms/{room}/messages/{id}/reports."""
        reason = decoded(call, wire_rooms.Because).reason or ""
        made: Reported = await self._done(call, ReportMessage(call.room, call.message_id, reason))
        return Answer(201 if made.fresh else 200, encode({"report": made.report}))

    async def purge(self, call: Call) -> Answer:
        """POST /api/rooms/{room}/messages/{id}/purge."""
        await self._done(call, Purge(call.room, call.message_id))
        return DONE

    async def reports(self, call: Call) -> Answer:
        """GET /api/reports."""
        return Answer(200, wire_rooms.encode_reports(await self._moderation.open_reports(call.reader)))

    async def settle(self, call: Call) -> Answer:
        """POST /api/reports/{report}."""
        body = decoded(call, wire_rooms.Settling)
        action = SettleReport(call.number("report"), body.settlement, body.minutes, body.reason or "")
        await self._done(call, action)
        return DONE

    async def suspend(self, call: Call) -> Answer:
        """PUT /api/suspensions/{user}."""
        body = decoded(call, wire_rooms.ForMinutes)
        await self._done(call, Suspend(call.person, body.minutes, body.reason or ""))
        return DONE

    async def unsuspend(self, call: Call) -> Answer:
        """DELETE /api/suspensions/{user}."""
        await self._done(call, Unsuspend(call.person))
        return DONE

    async def _done(self, call: Call, action: Action) -> Any:
        return await self._moderation.perform(call.reader, action)
