"""Takes text out for good: all of one author is redacted, and what was withheld is removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from rooms import audit, bounds, filekeeping, log
from rooms.actions import Deed, Purge, RedactAllOf
from rooms.doing import Afterwards
from rooms.messages import MAX_ID, Code, Draft, Kind, Refused, Stored, new_nonce
from rooms.models import Attachment, ChatRoom, Message, WithheldText
from rooms.reports import message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from rooms.actions import Action
    from rooms.doing import Doing

REDACTED_AT_ONCE = 200
LOOKED_AT = 1000
PURGED_AT_ONCE = 500

NOTHING = Refused(Code.NOT_FOUND, "Nothing is withheld of this message.")


def redact_all_of(doing: Doing, action: RedactAllOf) -> Afterwards:
    """Judge and note that all of one author is redacted; that follows, in transactions of its own.

    Cut off in the middle, what was redacted stays so, and asking once more goes on with the rest. Rights are
    asked anew for each transaction. The answer is how many messages this time redacted.
    """
    reason = bounds.line("reason", action.reason, bounds.REASON_LENGTH)
    person = doing.person(action.user)
    since = action.since
    if since is not None and timezone.is_naive(since):
        raise bounds.refusal("since", "a moment has a time zone.")
    details = {"since": since.isoformat()} if since else None
    doing.note(action.deed, person, reason=reason, details=details)
    said, slug = _Said(person.pk, doing.here.pk, since), doing.here.slug

    def draft(key: int) -> Draft:
        return Draft(slug, Kind.REDACTION, doing.key, new_nonce(), reason, key, trusted=doing.trusted)

    return Afterwards(lambda: sum(_redact([draft(key) for key in keys]) for keys in said.newest_first()))


@dataclass(frozen=True, slots=True)
class _Said:
    """What an author said in a room since a moment and is not redacted."""

    author: Any
    room: int
    since: datetime | None

    def newest_first(self) -> Iterator[list[int]]:
        """Yield keys in pieces, by keyset over what the author wrote anywhere.

        Where a whole piece is too old, the rest is: clocks are not set back and forth for longer.
        """
        last = MAX_ID
        while rows := self._older(last):
            last = rows[-1].pk
            if self.since is not None and all(row.created_at < self.since for row in rows):
                return
            keys = [row.pk for row in rows if self._counts(row)]
            for at in range(0, len(keys), REDACTED_AT_ONCE):
                yield keys[at : at + REDACTED_AT_ONCE]

    def _older(self, last: int) -> list[Message]:
        rows = Message.objects.filter(author=self.author, id__lt=last).order_by("-id")
        return list(rows.only("room_id", "kind", "redacted", "created_at")[:LOOKED_AT])

    def _counts(self, row: Message) -> bool:
        young = self.since is None or row.created_at >= self.since
        return young and row.room_id == self.room and row.kind == Kind.MESSAGE and not row.redacted


def _redact(drafts: list[Draft]) -> int:
    """Append redactions in one transaction and return how many messages were not redacted before.

    Raises:
        rooms.log.Refusal: who does it may no more.
    """
    outcomes = log.append(drafts).outcomes
    for outcome in outcomes:
        # A message may have left by retention meanwhile.
        if not isinstance(outcome, Stored) and getattr(outcome, "code", None) is not Code.NOT_FOUND:
            raise log.Refusal(outcome if isinstance(outcome, Refused) else log.NOT_STORED)
    return sum(isinstance(outcome, Stored) and outcome.fresh for outcome in outcomes)


def purge(doing: Doing, action: Purge) -> int:
    """Remove what is withheld of a message and its edits, its files too, and return how many texts that were.

    Raises:
        rooms.log.Refusal: there is no such message, or nothing is withheld of it.
    """
    message = message_of(doing, action.message)
    edits = Message.objects.filter(target=message.pk, kind=Kind.EDIT.value).values_list("pk", flat=True)
    texts, _each = WithheldText.objects.filter(message__in=[message.pk, *edits]).delete()
    files = _discard_files([message.pk])
    if not texts and not files:
        raise log.Refusal(NOTHING)
    doing.note(action.deed, message.author, message_id=message.pk, details=_counted(texts, files))
    return texts


def _discard_files(messages: Collection[int], *, by: Collection[int] | None = None) -> int:
    """Remove the files of messages that were withheld, `by` these redactions alone where they are named."""
    files = Attachment.objects.filter(message__in=messages, withheld_by__isnull=False)
    return filekeeping.discard(files if by is None else files.filter(withheld_by__in=by))


def _counted(texts: int, files: int) -> dict[str, int]:
    return {"texts": texts} | ({"files": files} if files else {})


@dataclass(frozen=True, slots=True)
class Piece:
    """How many texts and files one transaction removed, and the key of the last text looked at."""

    texts: int
    last: int
    files: int = 0


def purge_older_than(days: int) -> Iterator[Piece]:
    """Remove what was withheld more than so many days ago, as the server, some hundred at a time."""
    before = timezone.now() - timedelta(days=days)
    yield from _purge_all(WithheldText.objects.all(), {"older_than_days": days}, before=before)


def purge_of(author: Any) -> Iterator[Piece]:
    """Remove all that is withheld of one author, as the server, some hundred at a time."""
    yield from _purge_all(WithheldText.objects.filter(message__author=author), {}, person=author)


def _purge_all(
    texts: QuerySet[WithheldText],
    details: dict[str, Any],
    *,
    person: Any = None,
    before: datetime | None = None,
) -> Iterator[Piece]:
    """Remove texts by keyset, with their rooms locked, in small transactions that each enter the trail."""
    last = 0
    while rows := list(texts.filter(id__gt=last).order_by("id")[:PURGED_AT_ONCE]):
        last = rows[-1].pk
        with transaction.atomic():
            old = _withheld_before(rows, before)
            _lock_rooms_of(old)
            purged, _each = WithheldText.objects.filter(pk__in=[row.pk for row in old]).delete()
            # What an edit withheld is no reason for files to go: they go with what their redaction did.
            files = _discard_files([row.message_id for row in old], by=[row.withheld_by for row in old])
            if purged:
                audit.note(Deed.PURGE, None, person=person, details={**details, **_counted(purged, files)})
        yield Piece(purged, last, files)


def _lock_rooms_of(texts: list[WithheldText]) -> None:
    """Lock the rooms of these texts, ascending: nobody else removes the same meanwhile."""
    rooms = Message.objects.filter(pk__in={row.message_id for row in texts}).values("room")
    list(ChatRoom.objects.select_for_update(no_key=True).filter(pk__in=rooms).order_by("pk"))


def _withheld_before(rows: list[WithheldText], moment: datetime | None) -> list[WithheldText]:
    """Return those that were withheld before a moment."""
    if moment is None:
        return rows
    by = Message.objects.filter(pk__in={row.withheld_by for row in rows}, created_at__lt=moment)
    old = set(by.values_list("pk", flat=True))
    return [row for row in rows if row.withheld_by in old]


PERFORMERS: dict[type[Action], Callable[[Doing, Any], Any]] = {RedactAllOf: redact_all_of, Purge: purge}
