"""Why a draft is refused by what the log holds, people's rights and the time. Pure: no query."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

from rooms import accounts, attaching, history, reactions
from rooms.known import is_slowed
from rooms.messages import REACTIONS, Access, Code, Draft, Kind, Refused
from rooms.options import options

if TYPE_CHECKING:
    from rooms.known import Known
    from rooms.models import ChatRoom, Message

NOT_KNOWN = Refused(Code.NOT_AUTHENTICATED, "Only somebody with an account may do this: log in.")
AUTHOR_GONE = Refused(Code.NOT_AUTHENTICATED, "The author's account is gone.")
NO_REACTION = Refused(Code.NOT_FOUND, "There is no such reaction of yours.")
NO_FILE = Refused(
    Code.BAD_REQUEST, "files: each is an upload of yours to this room, in no message and not thrown away."
)
TOO_MANY_REACTIONS = Refused.of(
    Code.FORBIDDEN,
    "A message takes %(most)s different reactions, and this one has them.",
    most=reactions.MOST_BODIES,
)
ARCHIVED = Refused(Code.FORBIDDEN, "This room is archived.")
READ_ONLY = Refused(Code.FORBIDDEN, "In this room only moderators post.")
MUTED = Refused(Code.FORBIDDEN, "You are muted here.")
NOT_YOURS_TO_EDIT = Refused(Code.FORBIDDEN, "Only its author edits a message.")
NOT_YOURS_TO_REDACT = Refused(Code.FORBIDDEN, "Only its author or a moderator redacts a message.")
REDACTED_FOR_EDIT = Refused(Code.REDACTED, "A redacted message cannot be edited.")
REDACTED_FOR_REACTION = Refused(Code.REDACTED, "A redacted message cannot be reacted to.")


def forbidden(known: Known, draft: Draft, may: Access) -> Refused | None:
    """Return why this author may not do this here."""
    if draft.trusted:
        gone = draft.author_id is not None and draft.author_id not in known.users
        return AUTHOR_GONE if gone else None
    room = known.room(draft)
    if not known.standings[room.id, draft.author_id].known:
        return NOT_KNOWN
    if draft.kind is not Kind.REDACTION and not may.post:
        return _closed(room, may)
    target = known.target(draft)
    if target is None or draft.kind in REACTIONS or is_own(draft, target):
        return None
    if draft.kind is Kind.REDACTION and may.moderate:
        return None
    return NOT_YOURS_TO_REDACT if draft.kind is Kind.REDACTION else NOT_YOURS_TO_EDIT


def is_own(draft: Draft, target: Message) -> bool:
    """Tell whether a draft is about a message of its own author."""
    return target.author_id is not None and accounts.wire_id(target.author_id) == draft.author_id


def _closed(room: ChatRoom, may: Access) -> Refused:
    if room.archived_at is not None:
        return ARCHIVED
    if room.read_only and not may.moderate:
        return READ_ONLY
    return MUTED


def dangling(known: Known, draft: Draft) -> Refused | None:
    """Return why what the draft names cannot be named."""
    if draft.reply_to is not None:
        answered = known.messages.get((known.room(draft).id, draft.reply_to))
        if answered is None or answered.kind != Kind.MESSAGE:
            return Refused(Code.NOT_FOUND, "reply_to: there is no such message in this room.")
    if draft.target is None:
        return None
    target = known.target(draft)
    if target is None or target.kind != Kind.MESSAGE:
        return history.NO_MESSAGE
    if target.redacted and draft.kind is not Kind.REDACTION:
        return REDACTED_FOR_EDIT if draft.kind is Kind.EDIT else REDACTED_FOR_REACTION
    return _too_late(known, draft, target)


def _too_late(known: Known, draft: Draft, target: Message) -> Refused | None:
    window_s = options.edit_window_s
    if draft.kind is not Kind.EDIT or draft.trusted or not window_s:
        return None
    if known.now - target.created_at <= timedelta(seconds=window_s):
        return None
    return Refused.of(
        Code.FORBIDDEN, "A message is edited within %(seconds)s seconds after it was sent.", seconds=window_s
    )


def detached(known: Known, draft: Draft) -> Refused | None:
    """Return that a file is none of this author's uploads to this room, or in a message already."""
    if not draft.files:
        return None
    room = known.room(draft).id
    for key in draft.files:
        file = known.files.get(key)
        if file is None or file.message_id is not None or key in known.taken or file.room_id != room:
            return NO_FILE
        if file.uploader_id is None or accounts.wire_id(file.uploader_id) != draft.author_id:
            return NO_FILE
    return None


def too_soon(known: Known, draft: Draft) -> Refused | None:
    """Return that slow mode lets this author wait, and for how long."""
    if not is_slowed(known, draft):
        return None
    last = known.spoke_at.get((known.room(draft).id, draft.author_id))
    if last is None:
        return None
    pause_s = known.room(draft).slow_mode_s
    left_s = math.ceil(pause_s - (known.now - last).total_seconds())
    if left_s <= 0:
        return None
    return Refused.of(
        Code.RATE_LIMITED,
        "Slow mode: a member sends one message in %(seconds)s seconds here.",
        retry_after_s=left_s,
        seconds=pause_s,
    )


def repeated(draft: Draft, first: Message) -> Refused | None:
    """Return why a nonce may not be used again for this draft, None where it is the same send once more."""
    same = (first.kind, first.target, first.reply_to) == (
        draft.kind,
        draft.target,
        draft.reply_to,
    )
    # `changed` is set only once the rows of the batch have ids.
    stands = first.edited_at is None and not first.redacted
    if not first.redacted:
        same = same and attaching.keys(first.files) == draft.files
    if same and (not stands or first.body == draft.body or (draft.files and not draft.body)):
        return None
    return Refused(Code.NONCE_CONFLICT, "This nonce was used before, for something else.")
