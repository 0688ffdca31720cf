"""What edits, redactions and reactions do to the messages before them, and what the trail tells of it.

It is done to the rows in memory as the drafts are judged, so that later drafts find it done; and written
once the new rows have ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rooms import accounts, attaching, audit, mentions, reactions
from rooms.actions import Deed
from rooms.messages import Kind
from rooms.models import AuditEntry, Mention, Message, WithheldText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rooms.known import Known, Row


class Amendments:
    """What the rows of one batch change."""

    def __init__(self, known: Known) -> None:
        """Change what is known, as well as what will be written."""
        self._known = known
        self._withheld: list[tuple[Message, Row, str]] = []
        self._renamed: dict[int, Message] = {}
        self._once_named: set[int] = set()
        self._bereft: list[tuple[Message, Row]] = []
        self._fields = {"changed"}

    def take(self, row: Row) -> None:
        """Do what a new row says to its target."""
        if row.target is None:
            return
        match row.message.kind:
            case Kind.EDIT:
                self._edit(row, row.target)
            case Kind.REDACTION:
                self._redact(row, row.target)
            case _:
                self._react(row, row.target)

    def write(self, rows: Sequence[Row]) -> None:
        """Write what these rows did to older ones, now that they have ids."""
        self._write_changed(rows)
        self._write_mentions(rows)
        attaching.write(self._known)
        attaching.withhold({target.pk: row.message.pk for target, row in self._bereft})
        AuditEntry.objects.bulk_create(
            [
                audit.entry(
                    Deed.REDACT,
                    row.message.author,
                    room=row.message.room,
                    person=row.target.author,
                    message_id=row.target.pk,
                    reason=row.message.body,
                )
                for row in rows
                if row.target is not None and _is_of_another(row.message, row.target)
            ]
        )

    # In memory

    def _edit(self, row: Row, target: Message) -> None:
        if target.edited_at is None:
            self._withheld.append((target, row, target.body))
        self._known.edits.setdefault(target.pk, []).append(row.message)
        self._forget_names(target)
        target.body = row.message.body
        target.edited_at = self._known.now
        target.details = row.message.details
        self._renamed[target.pk] = target
        self._fields |= {"body", "edited_at", "details"}

    def _redact(self, row: Row, target: Message) -> None:
        self._known.redactions[target.pk] = row
        self._forget_names(target)
        for message in (target, *self._known.edits.get(target.pk, ())):
            self._withheld.append((message, row, message.body))
            message.body = ""
            message.redacted = True
            message.reactions = message.details = None
        if target.files is not None:
            target.files = None
            self._fields.add("files")
            self._bereft.append((target, row))
        self._fields |= {"body", "redacted", "reactions", "details"}

    def _react(self, row: Row, target: Message) -> None:
        message = row.message
        who = accounts.wire_id(message.author_id)
        self._known.reactions[target.pk, who, message.body] = row
        done = reactions.added if message.kind == Kind.REACTION else reactions.removed
        target.reactions = done(target.reactions, message.body, who)
        self._fields.add("reactions")

    def _forget_names(self, target: Message) -> None:
        if target.details:
            self._once_named.add(target.pk)

    # Into the database

    def _write_changed(self, rows: Sequence[Row]) -> None:
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
            Message._base_manager.bulk_update(changed.values(), sorted(self._fields))
        WithheldText.objects.bulk_create([text for text in texts if text.body])

    def _write_mentions(self, rows: Sequence[Row]) -> None:
        """Keep whom each message names now, an edited one by its newest edit; never its author."""
        if self._once_named:
            Mention.objects.filter(message__in=self._once_named).delete()
        sent = [row.message for row in rows if row.message.kind == Kind.MESSAGE]
        Mention.objects.bulk_create(
            [
                Mention(message_id=message.pk, room_id=message.room_id, user_id=named.id)
                for message in (*sent, *self._renamed.values())
                for named in mentions.told(message.details)
                if message.author_id is None or named.id != accounts.wire_id(message.author_id)
            ]
        )


def _is_of_another(redaction: Message, target: Message) -> bool:
    """Tell whether this is a redaction by somebody other than the author. The server is somebody other."""
    if redaction.kind != Kind.REDACTION:
        return False
    return redaction.author_id is None or redaction.author_id != target.author_id
