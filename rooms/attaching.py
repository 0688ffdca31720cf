"""Puts uploads into the message that they are sent with, in its transaction and under its room's lock.

What readers are told of them is kept with the message itself: reading history costs nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rooms.messages import File
from rooms.models import Attachment
from rooms.options import options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rooms.known import Known
    from rooms.messages import Draft
    from rooms.models import Message


def kept(file: File) -> dict[str, Any]:
    """Return what a message keeps of a file."""
    fields = {
        "id": file.key,
        "name": file.name,
        "type": file.type,
        "size": file.size,
        "width": file.width,
        "height": file.height,
        "preview": file.has_preview or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def told(rows: Iterable[Mapping[str, Any]]) -> tuple[File, ...]:
    """Return the files of a message from what it keeps of them."""
    return tuple(
        File(
            row["id"], row["name"], row["type"], row["size"], row.get("width"), row.get("height"),
            row.get("preview", False),
        )
        for row in rows
    )  # fmt: skip


def keys(rows: Iterable[Mapping[str, Any]] | None) -> tuple[str, ...]:
    """Return the keys of a message's files, in order."""
    return tuple(row["id"] for row in rows or ())


def attach(known: Known, draft: Draft, message: Message) -> None:
    """Put a draft's uploads into its message, not stored yet; without a text it says their names."""
    files = [known.files[key] for key in draft.files]
    for position, file in enumerate(files):
        known.taken[file.key] = (message, position)
    message.files = [kept(file.told()) for file in files]
    if not message.body:
        message.body = ", ".join(file.name for file in files)[: options.max_body].rstrip()


def write(known: Known) -> None:
    """Write which uploads are in which message, now that these have ids."""
    for key, (message, position) in known.taken.items():
        known.files[key].message = message
        known.files[key].position = position
    if known.taken:
        files = [known.files[key] for key in known.taken]
        Attachment._base_manager.bulk_update(files, ["message", "position"])


def withhold(redactions: Mapping[int, int]) -> None:
    """Take the files of redacted messages from readers: by the id of each message, that of its redaction."""
    if not redactions:
        return
    rows = list(Attachment.objects.filter(message__in=list(redactions)).only("message_id", "withheld_by"))
    for row in rows:
        row.withheld_by = redactions[row.message_id or 0]
    Attachment._base_manager.bulk_update(rows, ["withheld_by"])
