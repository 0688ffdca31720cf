"""The only writes of messages: lock the rooms, append, move the heads, commit, tell.

Inside a room, ids become visible in increasing order: the room's row is locked before any id is drawn
and until the commit. On PostgreSQL that is `SELECT … FOR NO KEY UPDATE`, on SQLite `BEGIN IMMEDIATE`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    connection,
    transaction,
)

from rooms import accounts, hints, notify, signals, statements
from rooms.appending import Batch, Outdated, nowhere
from rooms.guards import here_alone
from rooms.messages import (
    Appended,
    Busy,
    Code,
    Draft,
    Kind,
    Lock,
    Notice,
    Outcome,
    Posted,
    Refused,
    RoomBatch,
    Stored,
    UserId,
    new_nonce,
)
from rooms.models import ChatRoom, Message
from rooms.versions import accounts_changed, changing_access, changing_accounts, new_epoch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from django.contrib.auth.models import AbstractBaseUser

    from rooms.remembered import Remembered

__all__ = [
    "Refusal", "accounts_changed", "append", "append_row", "append_rows", "changing_access",
    "changing_accounts", "edit", "new_epoch", "notice", "post", "react", "redact", "redact_many", "unreact",
]  # fmt: skip

logger = logging.getLogger(__name__)

BRIEF_LOCK_TIMEOUT_MS = 100
LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's SQLSTATE for a lock that was not had in time (manual, appendix A)."""

REDACTED_AT_ONCE = 200
"""Drafts an append: what one statement takes and one signal carries."""

NOT_STORED = Refused(Code.UNAVAILABLE, "This could not be stored.")


class Refusal(Exception):  # noqa: N818 (a refusal is an answer, not a fault of ours)
    """The log did not take a message. `code` and `detail` say why; where a limit was met, when it ends."""

    def __init__(self, refused: Refused) -> None:
        """Carry why."""
        super().__init__(f"{refused.code}: {refused.detail}")
        self.code = refused.code
        self.detail = refused.detail
        self.retry_after_s = refused.retry_after_s


def append(
    drafts: Sequence[Draft], *, lock: Lock = Lock.WAIT, remembered: Remembered | None = None
) -> Appended:
    """Append drafts to their rooms' logs in one transaction, those of one room in the order given.

    Each draft has an outcome of its own; one that the database refuses does not fail the others.
    Except with `Lock.WAIT` no transaction may be open. `remembered` is for one thread that appends again and
    again, always with the same one; it is of use with `Lock.SKIP` alone.

    Raises:
        django.db.Error: the database failed. All may be stored or nothing: the same drafts may be
            appended again, since their nonces settle it.
    """
    memory = remembered if lock is Lock.SKIP else None
    try:
        with transaction.atomic():
            return _append(drafts, lock, memory)
    except Outdated:
        return append(drafts, lock=lock)
    except OperationalError as error:
        if lock is not Lock.WAIT and _is_lock_timeout(error):
            return _room_by_room(drafts, lock)
        raise
    except (IntegrityError, DataError):
        if memory is not None:
            memory.forget()
            return append(drafts, lock=lock)
        if len(drafts) == 1:
            logger.exception("A message that passed every check was refused by the database.")
            return Appended((NOT_STORED,), ())
        return _one_by_one(drafts, lock)


def _room_by_room(drafts: Sequence[Draft], lock: Lock) -> Appended:
    """Append what goes to each room by itself: who holds an author, or a message, holds one room's alone."""
    slugs = dict.fromkeys(draft.room for draft in drafts)
    if len(slugs) == 1 or connection.vendor != "postgresql":
        return Appended((Busy(),) * len(drafts), ())
    outcomes: dict[int, Outcome] = {}
    batches: list[RoomBatch] = []
    for slug in slugs:
        places = [at for at, draft in enumerate(drafts) if draft.room == slug]
        appended = append([drafts[at] for at in places], lock=lock)
        outcomes |= zip(places, appended.outcomes, strict=True)
        batches += appended.batches
    return Appended(tuple(outcomes[at] for at in range(len(drafts))), tuple(batches))


def _one_by_one(drafts: Sequence[Draft], lock: Lock) -> Appended:
    """Append each draft in a transaction of its own. Where a room is held, all that follows waits with it."""
    outcomes: list[Outcome] = []
    batches: list[RoomBatch] = []
    held: set[str] = set()
    for draft in drafts:
        appended = Appended((Busy(),), ()) if draft.room in held else append([draft], lock=lock)
        outcomes += appended.outcomes
        batches += appended.batches
        if isinstance(appended.outcomes[0], Busy):
            held.add(draft.room)
    return Appended(tuple(outcomes), tuple(batches))


def _append(drafts: Sequence[Draft], lock: Lock, memory: Remembered | None) -> Appended:
    slugs = {draft.room for draft in drafts}
    rooms = _locked(slugs, lock)
    if memory is not None and rooms:
        memory.as_of(statements.site_of(rooms.values()))
    missing = slugs - rooms.keys()
    held = _there(missing)
    present = [draft for draft in drafts if draft.room not in held]
    batch = Batch(rooms | {slug: nowhere() for slug in missing - held}, memory)
    outcomes = batch.store(present)
    _tell(batch.arrived)
    if not missing:
        # Asked also of those that may not be seen: they cost as much as none.
        _there({draft.room for draft, one in zip(present, outcomes, strict=True) if _is_untold(one)})
    if not batch.arrived and lock is not Lock.WAIT:
        statements.commit_without_a_wait()
    stored = iter(outcomes)
    return Appended(tuple(Busy() if draft.room in held else next(stored) for draft in drafts), batch.arrived)


def _is_untold(outcome: Stored | Refused) -> bool:
    """Tell whether an outcome is one that a room which is not there has too."""
    return isinstance(outcome, Refused) and outcome.code in {Code.NOT_FOUND, Code.BAD_REQUEST}


def _there(slugs: Collection[str]) -> set[str]:
    """Return which rooms there are."""
    return set(ChatRoom.objects.filter(slug__in=slugs).values_list("slug", flat=True)) if slugs else set()


def _locked(slugs: Collection[str], lock: Lock) -> dict[str, ChatRoom]:
    """Return the rooms, locked in the order of their keys, so that no two writers wait for each other."""
    if lock is Lock.BRIEF and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = {BRIEF_LOCK_TIMEOUT_MS}")
    return {room.slug: room for room in statements.lock_rooms(slugs, skip_locked=lock is Lock.SKIP)}


def _is_lock_timeout(error: OperationalError) -> bool:
    if connection.vendor == "postgresql":
        return getattr(error.__cause__, "pgcode", None) == LOCK_NOT_AVAILABLE
    return "database is locked" in str(error)


def _tell(batches: tuple[RoomBatch, ...]) -> None:
    if batches:
        transaction.on_commit(lambda: _say_committed(batches))


def _say_committed(batches: tuple[RoomBatch, ...]) -> None:
    answers = signals.committed.send_robust(sender=ChatRoom, batches=batches)
    if not signals.others_are_told(answers):
        notify.tell(hints.of_commit(batches))


def _one(draft: Draft) -> Posted:
    [outcome] = append([draft]).outcomes
    if isinstance(outcome, Stored):
        return outcome.posted
    raise Refusal(outcome if isinstance(outcome, Refused) else NOT_STORED)


def _key(user: AbstractBaseUser | None) -> UserId | None:
    return accounts.wire_id(user.pk) if user is not None else None


def post(  # noqa: PLR0913  (what a message may have)
    room: ChatRoom,
    author: AbstractBaseUser | None,
    body: str,
    *,
    nonce: str | None = None,
    reply_to: int | None = None,
    files: Sequence[str] = (),
    trusted: bool = True,
) -> Posted:
    """Append a message and return it. Without an author, the server itself speaks.

    `files` are the keys of uploads of the author's to this room; with some, `body` may be empty.

    Raises:
        Refusal: the log did not take it.
    """
    nonce = nonce or new_nonce()
    draft = Draft(room.slug, Kind.MESSAGE, _key(author), nonce, body, reply_to=reply_to, trusted=trusted)
    return _one(replace(draft, files=tuple(files)))


def notice(room: ChatRoom, by: AbstractBaseUser | None, told: Notice, *, nonce: str | None = None) -> Posted:
    """Append a notice and return it. Without anybody who did it, the server itself did.

    Raises:
        Refusal: the log did not take it.
    """
    return _one(Draft(room.slug, Kind.NOTICE, _key(by), nonce or new_nonce(), trusted=True, notice=told))


def edit(message: Message, by: AbstractBaseUser, body: str, *, nonce: str | None = None) -> Posted:
    """Append an edit of a message by its author and return the edit.

    Raises:
        Refusal: `by` is not its author, it is redacted or too old, or the text is no good.
    """
    return _one(_about(message, Kind.EDIT, by, body, nonce))


def redact(
    message: Message,
    by: AbstractBaseUser | None,
    reason: str = "",
    *,
    nonce: str | None = None,
    trusted: bool = False,
) -> Posted:
    """Append a redaction of a message and return it, or the first one where it was redacted before.

    Raises:
        Refusal: `by` may not (unless `trusted`), or the row is not a message.
    """
    return _one(_about(message, Kind.REDACTION, by, reason, nonce, trusted=trusted))


def redact_many(
    messages: Iterable[Message], by: AbstractBaseUser | None, reason: str = "", *, trusted: bool = False
) -> dict[int, Outcome]:
    """Redact messages, one transaction a room, and return what came of each, by its id.

    What is refused does not fail the others. The room's lock is held until all of its messages are done.
    """
    by_room: dict[int, list[Message]] = defaultdict(list)
    for message in messages:
        by_room[message.room_id].append(message)
    slugs = dict(ChatRoom.objects.filter(pk__in=by_room).values_list("pk", "slug"))
    key = _key(by)
    outcomes: dict[int, Outcome] = {}
    for room, in_room in sorted(by_room.items()):
        # In the order in which the deletion of their author takes them: neither waits for the other.
        in_room.sort(key=lambda message: message.pk)
        with transaction.atomic():
            for at in range(0, len(in_room), REDACTED_AT_ONCE):
                part = in_room[at : at + REDACTED_AT_ONCE]
                drafts = [
                    Draft(slugs[room], Kind.REDACTION, key, new_nonce(), reason, message.pk, trusted=trusted)
                    for message in part
                ]
                answers = append(drafts).outcomes
                outcomes |= {message.pk: answer for message, answer in zip(part, answers, strict=True)}
    return outcomes


def react(
    message: Message, by: AbstractBaseUser, body: str, *, nonce: str | None = None, trusted: bool = False
) -> Posted:
    """Append a reaction to a message and return it, or the first one where it stands.

    Raises:
        Refusal: `by` may not (unless `trusted`), the message is redacted or has too many, or this is none.
    """
    return _one(_about(message, Kind.REACTION, by, body, nonce, trusted=trusted))


def unreact(
    message: Message, by: AbstractBaseUser, body: str, *, nonce: str | None = None, trusted: bool = False
) -> Posted:
    """Append the end of a reaction and return it.

    Raises:
        Refusal: `by` may not (unless `trusted`), the message is redacted, or no such reaction stands.
    """
    return _one(_about(message, Kind.UNREACTION, by, body, nonce, trusted=trusted))


def _about(
    message: Message,
    kind: Kind,
    by: AbstractBaseUser | None,
    body: str,
    nonce: str | None,
    *,
    trusted: bool = False,
) -> Draft:
    nonce = nonce or new_nonce()
    return Draft(message.room.slug, kind, _key(by), nonce, body, message.pk, trusted=trusted)


def append_row(row: Message) -> None:
    """Append an unsaved row, as trusted, and make it what was stored.

    Raises:
        Refusal: the log did not take it.
    """
    append_rows([row])


def append_rows(rows: Sequence[Message]) -> None:
    """Append unsaved rows, as trusted, one transaction a room, and make them what was stored.

    Raises:
        Refusal: the log did not take one of a room: then nothing of that room is stored.
    """
    by_room: dict[int, list[Message]] = defaultdict(list)
    for row in rows:
        by_room[row.room_id].append(row)
    for in_room in by_room.values():
        with transaction.atomic():
            appended = append([_draft(row) for row in in_room])
            for row, outcome in zip(in_room, appended.outcomes, strict=True):
                if not isinstance(outcome, Stored):
                    raise Refusal(outcome if isinstance(outcome, Refused) else NOT_STORED)
                _take_over(row, outcome.posted.id)


def _draft(row: Message) -> Draft:
    here_alone(row._state.db)
    key_given: int | None = row.pk
    if key_given is not None:
        raise TypeError("The log draws the ids of its messages: leave the key out.")
    if row.files is not None:
        raise TypeError("Files are uploads: call rooms.log.post with their keys.")
    if row.kind == Kind.NOTICE:
        raise TypeError("A notice tells of an event: call rooms.log.notice.")
    key = accounts.wire_id(row.author_id) if row.author_id is not None else None
    row.nonce = row.nonce or new_nonce()
    return Draft(
        row.room.slug,
        Kind(row.kind),
        key,
        row.nonce,
        row.body,
        row.target,
        row.reply_to,
        trusted=True,
    )


def _take_over(row: Message, key: int) -> None:
    stored = Message._base_manager.get(pk=key)
    for field in Message._meta.concrete_fields:
        setattr(row, field.attname, getattr(stored, field.attname))
    row._state.adding = False
    row._state.db = stored._state.db
