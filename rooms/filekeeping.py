"""Files in storage: where they lie, and how their bytes go once no row claims them.

The storage is Django's, by the alias `chat` of STORAGES, or the default one. Bytes come before the row that
claims them and go after it; in between a `LooseFile` names them, so nothing cut off leaves any for good.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from rooms.models import Attachment, ChatRoom, LooseFile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from django.core.files.storage import Storage
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

ALIAS = "chat"
PATH_CHARS = 40
PATH_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
"""File systems there are that tell no small letters from large ones."""

UNSENT_FOR = timedelta(days=1)
"""How long an upload waits to be sent."""
LOOSE_FOR = timedelta(hours=2)
"""More than an upload takes from its first byte to its row."""
AT_ONCE = 100


def storage() -> Storage:
    """Return where the bytes lie."""
    return storages[ALIAS if ALIAS in settings.STORAGES else "default"]


def new_path() -> str:
    """Return a path for a file's bytes, which says nothing of it and follows from nothing that is told."""
    name = get_random_string(PATH_CHARS, PATH_ALPHABET)
    return f"{name[:2]}/{name}"


def preview_of(path: str) -> str:
    """Return the path of a picture's preview."""
    return f"{path}.preview"


def discard(files: QuerySet[Attachment]) -> int:
    """Remove these rows, and the bytes once that is committed; return how many files that were.

    A transaction must be open; of files in messages it holds their rooms.
    """
    rows = list(files.values_list("pk", "path"))
    if not rows:
        return 0
    LooseFile.objects.bulk_create([LooseFile(path=path) for _key, path in rows])
    Attachment._base_manager.filter(pk__in=[key for key, _path in rows]).delete()
    transaction.on_commit(lambda: remove([path for _key, path in rows]))
    return len(rows)


def remove(paths: Collection[str]) -> int:
    """Remove the bytes at loose paths, and forget these; what fails stays loose. Return how many went."""
    kept, gone = storage(), []
    for path in paths:
        try:
            kept.delete(path)
            kept.delete(preview_of(path))
        except Exception:
            # Storages fail in ways of their own; the next sweep tries again.
            logger.exception("A file could not be removed from the storage")
        else:
            gone.append(path)
    LooseFile.objects.filter(path__in=gone).delete()
    return len(gone)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many uploads that nobody sent, and how many loose files, one step removed."""

    unsent: int = 0
    loose: int = 0


def sweep() -> Iterator[Swept]:
    """Remove uploads that were not sent for a day, and what is loose for longer than anything takes."""
    for room in list(_unsent().order_by("room").values_list("room", flat=True).distinct()):
        while count := _sweep_unsent(room):
            yield Swept(unsent=count)
    last = 0
    while rows := _loose(last):
        last = rows[-1][0]
        yield Swept(loose=remove([path for _key, path in rows]))


def _sweep_unsent(room: int) -> int:
    """Remove some of a room's uploads, under its lock: none of them is being sent meanwhile."""
    with transaction.atomic():
        ChatRoom.objects.select_for_update(no_key=True).get(pk=room)
        some = list(_unsent().filter(room=room).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        return discard(Attachment.objects.filter(pk__in=some))


def _unsent() -> QuerySet[Attachment]:
    return Attachment.objects.filter(message__isnull=True, created_at__lt=timezone.now() - UNSENT_FOR)


def _loose(last: int) -> list[tuple[int, str]]:
    rows = LooseFile.objects.filter(pk__gt=last, since__lt=timezone.now() - LOOSE_FOR)
    return list(rows.order_by("pk").values_list("pk", "path")[:AT_ONCE])
