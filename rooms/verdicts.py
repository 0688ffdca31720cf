"""Why a draft is refused by what the log holds, people's rights and the time. Pure: no query."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from rooms import accounts, history, reactions
from rooms.known import is_slowed
from rooms.messages import REACTIONS, Access, Code, Draft, Kind, Refused

if TYPE_CHECKING:
    from rooms.known import Known
    from rooms.models import ChatRoom, Message

NOT_KNOWN = Refused(Code.NOT_AUTHENTICATED, "Only somebody with an account may do this: log in.")
AUTHOR_GONE = Refused(Code.NOT_AUTHENTICATED, "The author's account is gone.")
NO_REACTION = Refused(Code.NOT_FOUND, "There is no such reaction of yours.")
TOO_MANY_REACTIONS = Refused(
    Code.FORBIDDEN, f"A message takes {reactions.MOST_BODIES} different reactions, and this one has them."
)


def forbidden(known: Known, draft: Draft, may: Access) -> Refused | None:
    """Return why this author may not do this here."""
    if draft.trusted:
        gone = draft.author_id is not None and draft.author_id not in known.users
        return AUTHOR_GONE if gone else None
    room = known.room(draft)
    if not known.standings[room.pk, draft.author_id].known:
        return NOT_KNOWN
    if draft.kind is not Kind.REDACTION and not may.post:
        return Refused(Code.FORBIDDEN, _closed(room, may))
    target = known.target(draft)
    if target is None or draft.kind in REACTIONS or is_own(draft, target):
        return None
    if draft.kind is Kind.REDACTION and may.moderate:
        return None
    whose = "its author or a moderator redacts" if draft.kind is Kind.REDACTION else "its author edits"
    return Refused(Code.FORBIDDEN, f"Only {whose} a message.")


def is_own(draft: Draft, target: Message) -> bool:
    """Tell whether a draft is about a message of its own author."""
    return target.author_id is not None and accounts.wire_id(target.author_id) == draft.author_id


def _closed(room: ChatRoom, may: Access) -> str:
    if room.archived_at is not None:
        return "This room is archived."
    if room.read_only and not may.moderate:
        return "In this room only moderators post."
    return "You are muted here."


def dangling(known: Known, draft: Draft) -> Refused | None:
    """Return why what the draft names cannot be named."""
    if draft.reply_to is not None:
        answered = known.messages.get((known.room(draft).pk, draft.reply_to))
        if answered is None or answered.kind != Kind.MESSAGE:
            return Refused(Code.NOT_FOUND, "reply_to: there is no such message in this room.")
    if draft.target is None:
        return None
    target = known.target(draft)
    if target is None or target.kind != Kind.MESSAGE:
        return history.NO_MESSAGE
    if target.redacted and draft.kind is not Kind.REDACTION:
        done = "edited" if draft.kind is Kind.EDIT else "reacted to"
        return Refused(Code.REDACTED, f"A redacted message cannot be {done}.")
    return _too_late(known, draft, target)


def _too_late(known: Known, draft: Draft, target: Message) -> Refused | None:
    window_s = settings.CHAT_EDIT_WINDOW_S
    if draft.kind is not Kind.EDIT or draft.trusted or not window_s:
        return None
    if known.now - target.created_at <= timedelta(seconds=window_s):
        return None
    return Refused(Code.FORBIDDEN, f"A message is edited within {window_s} seconds after it was sent.")


def too_soon(known: Known, draft: Draft) -> Refused | None:
    """Return that slow mode lets this author wait, and for how long."""
    last = known.spoke_at.get((known.room(draft).pk, draft.author_id))
    if last is None or not is_slowed(known, draft):
        return None
    pause_s = known.room(draft).slow_mode_s
    left_s = math.ceil(pause_s - (known.now - last).total_seconds())
    if left_s <= 0:
        return None
    told = f"Slow mode: a member sends one message in {pause_s} seconds here."
    return Refused(Code.RATE_LIMITED, told, retry_after_s=left_s)


def repeated(draft: Draft, first: Message) -> Refused | None:
    """Return why a nonce may not be used again for this draft, None where it is the same send once more."""
    same = (first.kind, first.target, first.reply_to) == (
        draft.kind,
        draft.target,
        draft.reply_to,
    )
    # `changed` is set only once the rows of the batch have ids.
    stands = first.edited_at is None and not first.redacted
    if same and (not stands or first.body == draft.body):
        return None
    return Refused(Code.NONCE_CONFLICT, "This nonce was used before, for something else.")
