"""Files for tests: pictures made by Pillow, uploads to a chat, and what lies in its storage."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote

from django.core.files.storage import FileSystemStorage
from PIL import Image

from rooms import filekeeping
from rooms.models import LooseFile
from tests.support_bytes import Response
from tests.support_inline import Inline

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP"}
TEXT = b"one line\n"


def picture(
    kind: str = "image/png", size: tuple[int, int] = (40, 30), frames: int = 1, **options: Any
) -> bytes:
    """Return a picture's bytes, of several colours where it moves."""
    made = [Image.new("RGB", size, (at * 40 % 256, 90, 30)) for at in range(frames)]
    if frames > 1:
        options = {"save_all": True, "append_images": made[1:], "duration": 50, "loop": 0, **options}
    written = io.BytesIO()
    made[0].save(written, FORMATS[kind], **options)
    return written.getvalue()


def shown(data: bytes) -> Any:
    """Return a picture from its bytes."""
    return Image.open(io.BytesIO(data))


def upload(
    chat: Inline, by: Any, data: bytes, name: str = "", *, room: str = "tea", kind: str = "", **headers: Any
) -> Response:
    """Upload, and return the answer."""
    query = f"?name={quote(name)}" if name else ""
    kind_told = {"Content-Type": kind} if kind else {}
    path = f"/api/rooms/{room}/files{query}"
    return chat.ask("POST", path, data, by=by, **kind_told, **headers)


def uploaded(chat: Inline, by: Any, data: bytes = TEXT, name: str = "note.txt", **more: Any) -> Any:
    """Upload, and return what is told of the file."""
    response = upload(chat, by, data, name, **more)
    assert response.status == 201, response.raw
    return response.json["file"]


def stored() -> int:
    """Return how many files lie in the storage."""
    kept = filekeeping.storage()
    assert isinstance(kept, FileSystemStorage)
    folders = kept.listdir("")[0] if kept.exists("") else []
    return sum(len(kept.listdir(folder)[1]) for folder in folders)


def forget_stored() -> None:
    """Empty the storage: what a test leaves there, no row of the next one claims."""
    kept = filekeeping.storage()
    for folder in kept.listdir("")[0] if kept.exists("") else []:
        for name in kept.listdir(folder)[1]:
            kept.delete(f"{folder}/{name}")
    LooseFile.objects.all().delete()
