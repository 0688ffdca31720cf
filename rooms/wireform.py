"""Messages as JSON in the wire's form (docs/protocol.md), for what is written to a file or into a page.

The realtime service encodes by a faster library, which the rooms do not need. Tests hold the two equal.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rooms.messages import Author, Notice, Page, Posted


def line(posted: Posted) -> str:
    """Return a message's JSON, without the end of the line. It holds no line break of its own."""
    return json.dumps(fields(posted), ensure_ascii=False, separators=(",", ":"))


def newest(page: Page) -> dict[str, Any]:
    """Return the newest page of a log as `GET /api/rooms/{room}/messages` gives it."""
    return {
        "room": page.room,
        "epoch": page.versions.epoch,
        "messages": [fields(posted) for posted in page.messages],
        "last_id": page.messages[-1].id if page.messages else page.start,
        "more": page.more,
    }


def fields(posted: Posted) -> dict[str, Any]:
    """Return the fields of a message that it has."""
    return _present(
        id=posted.id,
        room=posted.room,
        kind=posted.kind.value,
        author=_person(posted.author),
        body=posted.body,
        created_at=_moment(posted.created_at),
        nonce=posted.nonce,
        target=posted.target,
        reply_to=posted.reply_to,
        redacted=posted.redacted or None,
        edited_at=_moment(posted.edited_at),
        changed=posted.changed,
        mentions=[_person(one) for one in posted.mentions] or None,
        reactions=[
            {"body": one.body, "count": one.count, "users": list(one.users)} for one in posted.reactions
        ]
        or None,
        files=[one.told() for one in posted.files] or None,
        notice=_notice(posted.notice),
    )


def _present(**told: Any) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _person(person: Author | None) -> dict[str, Any] | None:
    return {"id": person.id, "name": person.name} if person else None


def _notice(notice: Notice | None) -> dict[str, Any] | None:
    if notice is None:
        return None
    return _present(
        event=notice.event.value,
        about=_person(notice.about),
        value=notice.value,
        until=_moment(notice.until),
    )


def _moment(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
