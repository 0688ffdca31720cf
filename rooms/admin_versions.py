"""What a message said in turn, by its edits and what is withheld, for moderators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rooms.messages import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rooms.models import Message, WithheldText


@dataclass(frozen=True, slots=True)
class Version:
    """What a message said from one row of the log on; None where that was removed for good."""

    row: Message
    text: str | None


def versions(message: Message, changes: Iterable[Message], withheld: Sequence[WithheldText]) -> list[Version]:
    """Return what an edited message said, the first first. What the rows hold no more is among the withheld.

    Of the message itself its first edit withheld the first text; a redaction withheld the newest.
    """
    first: dict[int, str] = {}
    for text in withheld:
        first.setdefault(text.message_id, text.body)
    edits = [row for row in changes if row.kind == Kind.EDIT]
    return [
        Version(message, first.get(message.pk)),
        *(Version(row, row.body or first.get(row.pk)) for row in edits),
    ]
