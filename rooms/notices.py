"""What notices tell: how it is kept beside the row, and the English sentence that is its text.

No sentence names who did it: that is the row's author, whose name goes where the account goes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rooms.messages import Author, Event, Notice

if TYPE_CHECKING:
    from collections.abc import Callable

SOMEBODY = "Somebody"


def kept(notice: Notice) -> dict[str, Any]:
    """Return a notice as the database keeps it."""
    found: dict[str, Any] = {"event": notice.event.value}
    if notice.about is not None:
        found["about"] = {"id": notice.about.id, "name": notice.about.name}
    if notice.value is not None:
        found["value"] = notice.value
    if notice.until is not None:
        found["until"] = notice.until.isoformat()
    return found


def told(details: dict[str, Any]) -> Notice:
    """Return a notice of what is kept."""
    about, until = details.get("about"), details.get("until")
    return Notice(
        Event(details["event"]),
        Author(about["id"], about["name"]) if about else None,
        details.get("value"),
        datetime.fromisoformat(until) if until else None,
    )


def sentence(notice: Notice) -> str:
    """Return what a notice tells, in English."""
    return _SENTENCES[notice.event](notice)


def _name(notice: Notice) -> str:
    return notice.about.name if notice.about is not None else SOMEBODY


def _until(notice: Notice) -> str:
    if notice.until is None:
        return ""
    return f" until {notice.until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _topic(notice: Notice) -> str:
    return f"The topic is now: {notice.value}" if notice.value else "The room has no topic any more."


def _guests(notice: Notice) -> str:
    return "Guests may read here." if notice.value else "Guests may no longer read here."


def _read_only(notice: Notice) -> str:
    return "Only moderators post here now." if notice.value else "Everybody may post here again."


def _slow_mode(notice: Notice) -> str:
    if not notice.value:
        return "Slow mode is off."
    return f"Slow mode: everybody waits {notice.value} s between two messages."


_SENTENCES: dict[Event, Callable[[Notice], str]] = {
    Event.CREATED: lambda _: "The room was made.",
    Event.RENAMED: lambda notice: f"The room is now called {notice.value}.",
    Event.TOPIC: _topic,
    Event.VISIBILITY: lambda notice: f"The room is now {notice.value}.",
    Event.GUESTS: _guests,
    Event.ARCHIVED: lambda _: "The room was archived.",
    Event.UNARCHIVED: lambda _: "The room is open again.",
    Event.READ_ONLY: _read_only,
    Event.SLOW_MODE: _slow_mode,
    Event.JOINED: lambda notice: f"{_name(notice)} joined.",
    Event.LEFT: lambda notice: f"{_name(notice)} left.",
    Event.REMOVED: lambda notice: f"{_name(notice)} was removed.",
    Event.ROLE: lambda notice: f"{_name(notice)} is now: {notice.value}.",
    Event.MUTED: lambda notice: f"{_name(notice)} was muted{_until(notice)}.",
    Event.UNMUTED: lambda notice: f"{_name(notice)} may post again.",
    Event.BANNED: lambda notice: f"{_name(notice)} was banned{_until(notice)}.",
    Event.UNBANNED: lambda notice: f"{_name(notice)} may come in again.",
}
