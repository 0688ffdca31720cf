"""What happens inside the transaction of an append, once the rooms are locked.

Each draft is judged in order against what the log holds and what the drafts before it did; then the
new rows are inserted in that order, and what they change (targets, withheld texts, heads) follows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from rooms import accounts, history, permissions
from rooms.messages import (
    Access,
    Code,
    Draft,
    Kind,
    Refused,
    RoomBatch,
    Stored,
    UserId,
    Versions,
)
from rooms.models import ChatRoom, Message, SiteState, WithheldText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NONCE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MAX_ID = 2**63 - 1
TRUSTED = Access(see=True, post=True, moderate=True)

NonceKey = tuple[int, UserId | None, str]


@dataclass(slots=True)
class Row:
    """A row on its way into the log, what it changes, and whether it was there before."""

    message: Message
    fresh: bool = True
    target: Message | None = None


@dataclass(slots=True)
class Known:
    """What the log holds that the drafts speak of, read after the rooms were locked.

    A row is one object however it was found, so that one found by its nonce has what drafts of this batch
    did to it as a target: else a repeated send would be answered with a text withheld in the same commit.
    """

    rows: dict[int, Message] = field(default_factory=dict)
    nonces: dict[NonceKey, Row] = field(default_factory=dict)
    messages: dict[tuple[int, int], Message] = field(default_factory=dict)
    edits: dict[int, list[Message]] = field(default_factory=dict)
    redactions: dict[int, Row] = field(default_factory=dict)
    standings: dict[tuple[int, UserId | None], permissions.Standing] = field(default_factory=dict)
    users: dict[UserId, Any] = field(default_factory=dict)

    def read(self, sought: Q) -> Iterator[Message]:
        """Yield the rows of the log that match, ascending."""
        for message in Message.objects.filter(sought).select_related("author").order_by("id"):
            yield self.rows.setdefault(message.pk, message)


def unfit(draft: Draft) -> Refused | None:
    """Return why a draft is refused whatever the log holds, None where it is fit."""
    fault = next(_faults(draft), None)
    return Refused(Code.BAD_REQUEST, fault) if fault else None


def _faults(draft: Draft) -> Iterator[str]:
    if not NONCE.match(draft.nonce):
        yield "nonce: 1 to 64 letters, digits, hyphens or underscores."
    if UNSTORABLE.search(draft.body):
        yield "body: a NUL or half of a surrogate pair cannot be stored."
    if len(draft.body) > settings.CHAT_MAX_BODY:
        yield f"body: at most {settings.CHAT_MAX_BODY} characters."
    if not draft.body and draft.kind is not Kind.REDACTION:
        yield "body: it is empty."
    for name, value in (("target", draft.target), ("reply_to", draft.reply_to)):
        if value is not None and not 1 <= value <= MAX_ID:
            yield f"{name}: not the id of a message."
    if (draft.target is None) != (draft.kind is Kind.MESSAGE):
        yield "target: edits and redactions have one, messages have none."
    if draft.reply_to is not None and draft.kind is not Kind.MESSAGE:
        yield "reply_to: only messages answer others."


class Batch:
    """The drafts of one transaction and the locked rooms that they go into, by slug."""

    def __init__(self, rooms: dict[str, ChatRoom]) -> None:
        """Take the rooms, locked by the transaction that is open."""
        self._rooms = rooms
        self._now = timezone.now()
        self._known = Known()
        self._withheld: list[tuple[Message, Row, str]] = []
        self._touched: dict[int, Message] = {}
        self.arrived: tuple[RoomBatch, ...] = ()

    def store(self, drafts: Sequence[Draft]) -> list[Stored | Refused]:
        """Store what may be stored and return one outcome a draft."""
        fit = [_trimmed(draft) for draft in drafts]
        reasons = [unfit(draft) for draft in fit]
        self._read([draft for draft, reason in zip(fit, reasons, strict=True) if reason is None])
        judged = [reason or self._judge(draft) for draft, reason in zip(fit, reasons, strict=True)]
        rows = list({id(row): row for row in judged if isinstance(row, Row) and row.fresh}.values())
        self._insert(rows)
        outcomes: list[Stored | Refused] = []
        answered: set[int] = set()
        for draft, one in zip(fit, judged, strict=True):
            if isinstance(one, Refused):
                outcomes.append(one)
                continue
            fresh = one.fresh and id(one) not in answered
            answered.add(id(one))
            outcomes.append(Stored(history.posted(one.message, draft.room), fresh))
        return outcomes

    # What the drafts speak of, in a few statements after the lock

    def _read(self, drafts: Sequence[Draft]) -> None:
        if not drafts:
            return
        pairs = {(self._room(draft).pk, draft.author_id) for draft in drafts}
        self._known.users = accounts.users_by_id(draft.author_id for draft in drafts)
        self._known.standings = permissions.standings(pairs, self._known.users)
        self._read_nonces(drafts)
        self._read_named(drafts)

    def _read_nonces(self, drafts: Iterable[Draft]) -> None:
        wanted: dict[tuple[int, UserId | None], list[str]] = {}
        for draft in drafts:
            wanted.setdefault((self._room(draft).pk, draft.author_id), []).append(draft.nonce)
        sought = Q()
        for (room, author), nonces in wanted.items():
            whose = Q(author__isnull=True) if author is None else Q(author=author)
            sought |= Q(whose, room=room, nonce__in=nonces)
        for message in self._known.read(sought):
            author = accounts.wire_id(message.author_id) if message.author_id is not None else None
            self._known.nonces[message.room_id, author, message.nonce] = Row(message, fresh=False)

    def _read_named(self, drafts: Iterable[Draft]) -> None:
        named = {i for draft in drafts for i in (draft.target, draft.reply_to) if i is not None}
        targets = {draft.target for draft in drafts if draft.target is not None}
        if not named:
            return
        for message in self._known.read(Q(pk__in=named)):
            self._known.messages[message.room_id, message.pk] = message
        if not targets:
            return
        for message in self._known.read(Q(target__in=targets)):
            if message.kind == Kind.EDIT:
                self._known.edits.setdefault(message.target or 0, []).append(message)
            elif message.kind == Kind.REDACTION:
                self._known.redactions.setdefault(message.target or 0, Row(message, fresh=False))

    # One draft after the other

    def _judge(self, draft: Draft) -> Row | Refused:
        """Return the row that the draft is or repeats, or why it is refused."""
        room = self._room(draft)
        may = self._access(draft, room)
        if not may.see:
            return history.WHY_UNSEEN[may.refusal or Code.NOT_FOUND]
        key = (room.pk, draft.author_id, draft.nonce)
        known = self._known.nonces.get(key)
        if known is not None:
            return _repeated(draft, known.message) or known
        refused = self._forbidden(draft, room, may) or self._dangling(draft, room)
        if refused is not None:
            return refused
        if (
            draft.kind is Kind.REDACTION
            and (first := self._known.redactions.get(draft.target or 0)) is not None
        ):
            return first
        row = self._new_row(draft, room)
        self._known.nonces[key] = row
        return row

    def _access(self, draft: Draft, room: ChatRoom) -> Access:
        return (
            TRUSTED
            if draft.trusted
            else permissions.access(room, self._known.standings[room.pk, draft.author_id])
        )

    def _forbidden(self, draft: Draft, room: ChatRoom, may: Access) -> Refused | None:
        """Return why this author may not do this here."""
        if draft.trusted:
            gone = draft.author_id is not None and draft.author_id not in self._known.users
            return Refused(Code.NOT_AUTHENTICATED, "The author's account is gone.") if gone else None
        if not self._known.standings[room.pk, draft.author_id].known:
            return Refused(
                Code.NOT_AUTHENTICATED,
                "Only somebody with an account may do this: log in.",
            )
        if draft.kind is not Kind.REDACTION and not may.post:
            closed = "This room is archived." if room.archived_at else "In this room only moderators post."
            return Refused(Code.FORBIDDEN, closed)
        target = self._known.messages.get((room.pk, draft.target or 0))
        if target is None:
            return None
        own = target.author_id is not None and accounts.wire_id(target.author_id) == draft.author_id
        if own or (draft.kind is Kind.REDACTION and may.moderate):
            return None
        whose = "its author or a moderator redacts" if draft.kind is Kind.REDACTION else "its author edits"
        return Refused(Code.FORBIDDEN, f"Only {whose} a message.")

    def _dangling(self, draft: Draft, room: ChatRoom) -> Refused | None:
        """Return why what the draft names cannot be named."""
        if draft.reply_to is not None:
            answered = self._known.messages.get((room.pk, draft.reply_to))
            if answered is None or answered.kind != Kind.MESSAGE:
                return Refused(Code.NOT_FOUND, "reply_to: there is no such message in this room.")
        if draft.target is None:
            return None
        target = self._known.messages.get((room.pk, draft.target))
        if target is None or target.kind != Kind.MESSAGE:
            return history.NO_MESSAGE
        if draft.kind is Kind.EDIT and target.redacted:
            return Refused(Code.REDACTED, "A redacted message cannot be edited.")
        return None

    def _new_row(self, draft: Draft, room: ChatRoom) -> Row:
        user = self._known.users.get(draft.author_id) if draft.author_id is not None else None
        message = Message(
            room=room,
            kind=draft.kind.value,
            author=user,
            body=draft.body,
            nonce=draft.nonce,
            target=draft.target,
            reply_to=draft.reply_to,
            created_at=self._now,
        )
        row = Row(message)
        if draft.target is not None:
            row.target = self._known.messages[room.pk, draft.target]
            if draft.kind is Kind.EDIT:
                self._edit(row, row.target)
            else:
                self._redact(row, row.target)
        return row

    # What an edit or a redaction does to the messages before it

    def _edit(self, row: Row, target: Message) -> None:
        if target.edited_at is None:
            self._withheld.append((target, row, target.body))
        self._known.edits.setdefault(target.pk, []).append(row.message)
        target.body = row.message.body
        target.edited_at = self._now

    def _redact(self, row: Row, target: Message) -> None:
        self._known.redactions[target.pk] = row
        for message in (target, *self._known.edits.get(target.pk, ())):
            self._withheld.append((message, row, message.body))
            message.body = ""
            message.redacted = True

    # Into the database

    def _insert(self, rows: Sequence[Row]) -> None:
        if not rows:
            return
        Message._base_manager.bulk_create([row.message for row in rows])
        keys = [row.message.pk for row in rows]
        if keys != sorted(keys):
            raise IntegrityError("The database drew ids out of the order of the rows.")
        self._mark_changed(rows)
        self._move_heads(rows)

    def _mark_changed(self, rows: Sequence[Row]) -> None:
        """Write what the rows did to older ones, now that they have ids."""
        changed: dict[int, Message] = {}
        for row in rows:
            if row.target is not None:
                row.target.changed = row.message.pk
                changed[row.target.pk] = row.target
        texts = []
        for message, row, text in self._withheld:
            message.changed = (
                row.message.pk if message.changed is None else max(message.changed, row.message.pk)
            )
            changed[message.pk] = message
            texts.append(WithheldText(message=message, withheld_by=row.message.pk, body=text))
        if changed:
            Message._base_manager.bulk_update(changed.values(), ["body", "redacted", "edited_at", "changed"])
        WithheldText.objects.bulk_create([text for text in texts if text.body])

    def _move_heads(self, rows: Sequence[Row]) -> None:
        site = SiteState.current()
        by_room: dict[str, list[Message]] = {}
        for row in rows:
            by_room.setdefault(row.message.room.slug, []).append(row.message)
        arrived = []
        for slug, messages in by_room.items():
            room = self._rooms[slug]
            versions = Versions(site.epoch, site.access_version, room.access_version)
            arrived.append(
                RoomBatch(
                    slug,
                    room.last_message_id,
                    tuple(history.posted(m, slug) for m in messages),
                    versions,
                )
            )
            room.last_message_id = messages[-1].pk
        ChatRoom._base_manager.bulk_update([self._rooms[slug] for slug in by_room], ["last_message_id"])
        self.arrived = tuple(arrived)

    def _room(self, draft: Draft) -> ChatRoom:
        return self._rooms[draft.room]


def _trimmed(draft: Draft) -> Draft:
    body = draft.body.strip()
    if body == draft.body:
        return draft
    return replace(draft, body=body)


def _repeated(draft: Draft, first: Message) -> Refused | None:
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
