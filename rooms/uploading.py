"""Takes a file for a room: judged, then verified, then claimed by a row once its bytes are in storage."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from django.contrib.auth import get_user_model
from django.core.files import File as StoredFile
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Min, Sum
from django.db.models.functions import Greatest
from django.utils import timezone

from rooms import doing, filekeeping, filetypes, log, pictures
from rooms.actions import Deed
from rooms.messages import MOST_FILES, Code, Refused
from rooms.models import Attachment, LooseFile
from rooms.options import options

if TYPE_CHECKING:
    from rooms.messages import File, UserId

DAY = timedelta(days=1)
LEAST_COUNTED = 65_536
"""What a file counts for at least, of a user's share of a day: so that many small ones are bounded, too."""
MEGABYTE = 1_048_576

NOT_TAKEN = Refused(Code.FORBIDDEN, "This site takes no files.")
EMPTY = Refused(Code.UNSUPPORTED_TYPE, "file: it is empty.")
UNREADABLE = Refused(Code.UNSUPPORTED_TYPE, "file: this picture cannot be read.")
TOO_MANY_PIXELS = Refused.of(
    Code.UNSUPPORTED_TYPE,
    "file: a picture has at most %(most)s pixels, all its frames together.",
    most=f"{pictures.MOST_PIXELS:,}",
)
TOO_LATE = Refused(Code.UNAVAILABLE, "That took too long. Upload it again.")


@dataclass(frozen=True, slots=True)
class Ready:
    """A file as it is kept, verified. Whoever has it closes it."""

    name: str
    type: str
    size: int
    data: BinaryIO
    width: int | None = None
    height: int | None = None
    preview: bytes | None = None

    def close(self) -> None:
        """Let go of the bytes."""
        self.data.close()


def bounds() -> dict[str, Any]:
    """Return what a page's script asks of a file before it is uploaded."""
    taken = options.upload_types
    return {
        "maxBytes": options.upload_max_mb * MEGABYTE,
        "most": MOST_FILES,
        "types": "" if "*/*" in taken else ",".join(taken),
    }


def reserve(by: UserId, slug: str, size: int) -> str:
    """Judge whether somebody may upload so many bytes to a room, and return the path for them in storage.

    Raises:
        rooms.log.Refusal: they may not, or their share of the day is used up.
    """
    uploader = _judged(by, slug)
    _check_share(uploader, size)
    path = filekeeping.new_path()
    LooseFile.objects.create(path=path)
    return path


def prepare(file: BinaryIO, name: str, declared: str) -> Ready:
    """Return an uploaded file as it is kept. No query; it may take seconds, and much memory.

    Raises:
        rooms.log.Refusal: the site does not take it.
    """
    kind = filetypes.type_of(file, declared)
    name = filetypes.name_of(name)
    size = file.seek(0, 2)
    file.seek(0)
    if not size:
        raise log.Refusal(EMPTY)
    if not filetypes.is_taken(kind, options.upload_types):
        taken = ", ".join(options.upload_types)
        told = "file: this site takes %(taken)s, and this is %(type)s."
        raise log.Refusal(Refused.of(Code.UNSUPPORTED_TYPE, told, taken=taken, type=kind))
    if kind not in filetypes.PICTURES:
        return Ready(name, kind, size, file)
    try:
        picture = pictures.render(file, kind)
    except pictures.NoPictureError:
        raise log.Refusal(UNREADABLE) from None
    except pictures.TooManyPixelsError:
        raise log.Refusal(TOO_MANY_PIXELS) from None
    file.close()
    return Ready(
        name, kind, picture.size, picture.data, picture.width, picture.height, preview=picture.preview
    )


def store(path: str, ready: Ready) -> None:
    """Write a file's bytes, and its preview's, to the storage.

    Raises:
        OSError: they cannot be written, on a full disk, say. What was is removed, so that others have room.
    """
    kept = filekeeping.storage()
    try:
        kept.save(path, StoredFile(ready.data))
        if ready.preview is not None:
            kept.save(filekeeping.preview_of(path), ContentFile(ready.preview))
    except OSError:
        for part in (path, filekeeping.preview_of(path)):
            with suppress(OSError):  # a sweep tries again
                kept.delete(part)
        raise


def claim(by: UserId, slug: str, path: str, ready: Ready) -> File:
    """Write the row of an upload whose bytes are in storage, and return what is told of it.

    Raises:
        rooms.log.Refusal: whoever uploads may not any more, what they uploaded beside it has used up their
            share of the day, or its path was given up meanwhile.
    """
    with transaction.atomic():
        under_way = _judged(by, slug)
        _check_share(under_way, ready.size, lock=True)
        gone, _each = LooseFile.objects.filter(path=path).delete()
        if not gone:
            raise log.Refusal(TOO_LATE)
        row = Attachment.objects.create(
            room=under_way.here,
            uploader=under_way.somebody(),
            name=ready.name,
            type=ready.type,
            size=ready.size,
            width=ready.width,
            height=ready.height,
            path=path,
            preview_size=len(ready.preview) if ready.preview is not None else None,
        )
    return row.told()


def _judged(by: UserId, slug: str) -> doing.Doing:
    under_way = doing.begin(Deed.POST, by, slug, trusted=False, lock=False)
    if not options.uploads:
        raise log.Refusal(NOT_TAKEN)
    return under_way


def _check_share(under_way: doing.Doing, size: int, *, lock: bool = False) -> None:
    """See that somebody has not used up what one user may upload in a day; the site's staff has no bound.

    With `lock` none of their uploads is claimed beside this one until the transaction is over.
    """
    share = options.upload_mb_per_day * MEGABYTE
    if not share or under_way.standing.staff:
        return
    if lock:
        people = get_user_model().objects.select_for_update(no_key=True)
        people.values_list("pk").get(pk=under_way.somebody().pk)
    now = timezone.now()
    used: dict[str, Any] = Attachment.objects.filter(
        uploader=under_way.somebody(), created_at__gt=now - DAY
    ).aggregate(bytes=Sum(Greatest("size", LEAST_COUNTED)), first=Min("created_at"))
    if used["first"] is None or used["bytes"] + max(size, LEAST_COUNTED) <= share:
        return
    left_s = max(1, math.ceil((used["first"] + DAY - now).total_seconds()))
    told, most = "You upload at most %(most)s MB in a day.", options.upload_mb_per_day
    raise log.Refusal(Refused.of(Code.RATE_LIMITED, told, retry_after_s=left_s, most=most))
