"""Who gets which file: whoever may see its room now, while its message is not redacted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rooms import accounts, filekeeping, filetypes, permissions
from rooms.messages import FoundFile
from rooms.models import Attachment

if TYPE_CHECKING:
    from rooms.messages import UserId


def find(reader: UserId | None, key: str, *, preview: bool) -> FoundFile | None:
    """Return a file for a reader (None: a guest), or None: there is none, or none for them."""
    row = Attachment.objects.filter(key=key, withheld_by__isnull=True).select_related("room").first()
    if row is None:
        return None
    standing = permissions.standings([(row.room_id, reader)])[row.room_id, reader]
    if not permissions.access(row.room, standing).see:
        return None
    unsent = row.message_id is None
    if unsent and (reader is None or row.uploader_id is None or accounts.wire_id(row.uploader_id) != reader):
        return None
    return found(row, preview=preview)


def found(row: Attachment, *, preview: bool) -> FoundFile | None:
    """Return how a file is served, None where it has no preview and one is asked for."""
    if not preview:
        kind = row.type
        return FoundFile(
            row.path,
            row.size,
            f'"{row.key}"',
            filetypes.content_type(kind),
            filetypes.disposition(row.name, kind),
        )
    if row.preview_size is None:
        return None
    stem = row.name.rpartition(".")[0] or row.name
    return FoundFile(
        filekeeping.preview_of(row.path),
        row.preview_size,
        f'"{row.key}-preview"',
        filetypes.PREVIEW,
        filetypes.disposition(f"{stem}.webp", filetypes.PREVIEW),
    )
