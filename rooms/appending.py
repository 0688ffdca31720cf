"""What happens inside the transaction of an append, once the rooms are locked.

Each draft is judged in order against what the log holds (`rooms.known`) and what the drafts before it did;
then the new rows are inserted in that order, and what they change (`rooms.amending`, heads) follows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError
from django.utils import timezone

from rooms import accounts, attaching, history, mentions, notices, reactions, rows, statements, verdicts
from rooms import drafts as drafting
from rooms.amending import Amendments
from rooms.known import Known, Row, is_slowed, look_up
from rooms.messages import Author, Code, Draft, Kind, Posted, Refused, RoomBatch, Stored, Versions
from rooms.models import ChatRoom, Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rooms.remembered import Remembered


class Outdated(Exception):  # noqa: N818  (what happened; nobody is told)
    """Rights changed since the rooms were locked: nothing is stored by what was remembered as of then."""


def nowhere() -> ChatRoom:
    """Return what stands for a room that is not there: one that nobody sees.

    What is asked about its drafts is what is asked about those of a hidden one: none is told apart.
    """
    return ChatRoom(pk=0, visibility=ChatRoom.Visibility.PRIVATE)


class Batch:
    """The drafts of one transaction and the locked rooms that they go into, by slug."""

    def __init__(self, rooms: dict[str, ChatRoom], memory: Remembered | None) -> None:
        """Take the rooms, locked by the transaction that is open (or `nowhere`), and what is remembered."""
        self._rooms = rooms
        self._memory = memory
        self._known = Known(rooms, timezone.now())
        self._amendments = Amendments(self._known)
        self.arrived: tuple[RoomBatch, ...] = ()
        self._told: dict[int, Posted] = {}
        self._authors: dict[Any, Author] = {}

    def store(self, drafts: Sequence[Draft]) -> list[Stored | Refused]:
        """Store what may be stored and return one outcome a draft."""
        fit = [drafting.ready(draft) for draft in drafts]
        reasons = [drafting.unfit(draft) for draft in fit]
        sound = [draft for draft, reason in zip(fit, reasons, strict=True) if reason is None]
        self._known = look_up(self._rooms, sound, self._known.now, self._memory)
        self._amendments = Amendments(self._known)
        judged = [reason or self._judge(draft) for draft, reason in zip(fit, reasons, strict=True)]
        self._insert(list({id(row): row for row in judged if isinstance(row, Row) and row.fresh}.values()))
        outcomes: list[Stored | Refused] = []
        answered: set[int] = set()
        for draft, one in zip(fit, judged, strict=True):
            if isinstance(one, Refused):
                outcomes.append(one)
                continue
            fresh = one.fresh and id(one) not in answered
            answered.add(id(one))
            outcomes.append(Stored(self._posted(one.message, draft.room), fresh))
        return outcomes

    def _posted(self, row: Message, slug: str) -> Posted:
        """Return a row as readers see it, told once: nothing changes any more when the first is told."""
        told = self._told.get(row.id)
        if told is None:
            author = self._author(row.author) if row.author_id is not None else None
            told = self._told[row.id] = history.posted(row, slug, author)
        return told

    def _author(self, user: Any) -> Author:
        author = self._authors.get(user.pk)
        if author is None:
            author = self._authors[user.pk] = accounts.author(user)
        return author

    # One draft after the other

    def _judge(self, draft: Draft) -> Row | Refused:
        """Return the row that the draft is or repeats, or why it is refused."""
        known = self._known
        may = known.access(draft)
        if not known.room(draft).pk:
            return history.NO_ROOM
        if not may.see:
            return history.WHY_UNSEEN[may.refusal or Code.NOT_FOUND]
        key = (known.room(draft).id, draft.author_id, draft.nonce)
        first = known.nonces.get(key)
        if first is not None:
            return verdicts.repeated(draft, first.message) or first
        refused = (
            verdicts.forbidden(known, draft, may)
            or verdicts.dangling(known, draft)
            or verdicts.detached(known, draft)
        )
        if refused is not None:
            return refused
        answer = self._answer(draft)
        if answer is not None:
            return answer
        row = self._new_row(draft)
        known.nonces[key] = row
        return row

    def _answer(self, draft: Draft) -> Row | Refused | None:
        """Return what the draft comes to as things stand, None where it is a new row."""
        match draft.kind:
            case Kind.MESSAGE:
                return verdicts.too_soon(self._known, draft)
            case Kind.REDACTION:
                return self._known.redactions.get(draft.target or 0)
            case Kind.REACTION | Kind.UNREACTION:
                return self._answer_reaction(draft)
            case _:
                return None

    def _answer_reaction(self, draft: Draft) -> Row | Refused | None:
        newest = self._known.reactions.get((draft.target or 0, draft.author_id, draft.body))
        stands = newest is not None and newest.message.kind == Kind.REACTION
        if draft.kind is Kind.UNREACTION:
            return None if stands else verdicts.NO_REACTION
        if stands:
            return newest
        target = self._known.target(draft)
        full = target is not None and reactions.is_full(target.reactions, draft.body)
        return verdicts.TOO_MANY_REACTIONS if full else None

    def _new_row(self, draft: Draft) -> Row:
        known = self._known
        message = rows.make(
            known.room(draft),
            known.users.get(draft.author_id) if draft.author_id is not None else None,
            kind=draft.kind.value,
            body=draft.body,
            nonce=draft.nonce,
            target=draft.target,
            reply_to=draft.reply_to,
            details=mentions.kept(known.mentioned(draft))
            if draft.notice is None
            else notices.kept(draft.notice),
            created_at=known.now,
        )
        row = Row(message, target=known.target(draft), room=draft.room)
        if draft.files:
            attaching.attach(known, draft, message)
        if is_slowed(known, draft):
            known.spoke_at[known.room(draft).id, draft.author_id] = known.now
        self._amendments.take(row)
        return row

    # Into the database

    def _insert(self, new: Sequence[Row]) -> None:
        if not new:
            return
        rows.store([row.message for row in new])
        self._check_drawn(new)
        self._amendments.write(new)
        self._move_heads(new)

    def _check_drawn(self, new: Sequence[Row]) -> None:
        """See that the new ids follow all that readers may have seen.

        Raises:
            IntegrityError: they do not: nothing is stored.
        """
        keys = [row.message.id for row in new]
        if keys != sorted(keys):
            raise IntegrityError("The database drew ids out of the order of the rows.")
        newest = max(self._rooms[row.room].last_message_id for row in new)
        if keys[0] <= newest:
            raise IntegrityError(
                f"The database drew the id {keys[0]}, though a room has {newest}: was its sequence set back? "
                "(setval, PostgreSQL manual 9.17)"
            )

    def _move_heads(self, new: Sequence[Row]) -> None:
        by_room: dict[str, list[Message]] = {}
        for row in new:
            by_room.setdefault(row.room, []).append(row.message)
        heads = [(self._rooms[slug].id, messages[-1].id) for slug, messages in by_room.items()]
        epoch, site_version = statements.move_heads(heads)
        if self._memory is not None and self._memory.site != (epoch, site_version):
            raise Outdated
        arrived = []
        for slug, messages in by_room.items():
            room = self._rooms[slug]
            versions = Versions(epoch, site_version, room.access_version)
            arrived.append(
                RoomBatch(
                    slug,
                    room.last_message_id,
                    tuple(self._posted(m, slug) for m in messages),
                    versions,
                )
            )
            room.last_message_id = messages[-1].id
        self.arrived = tuple(arrived)
