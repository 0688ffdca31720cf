"""Static files, straight from staticfiles' finders: no collectstatic, no DEBUG."""

from __future__ import annotations

import mimetypes
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote_to_bytes

from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation
from twisted.internet.interfaces import IPushProducer
from twisted.web import resource, server
from zope.interface import implementer

from realtime.errors import MethodNotAllowed, NotFound
from realtime.transports.http import Exchange, problem

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

PIECE_BYTES = 65_536

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""What the machine's own table may not know or get wrong: a module of another type is not run."""


def find(path: str) -> Path | None:
    """Return the static file that a path names, None where there is none; never one outside."""
    try:
        found = finders.find(path)
    except (SuspiciousFileOperation, ValueError):
        return None
    return Path(found) if isinstance(found, str) else None


class StaticFiles(resource.Resource):
    """All below STATIC_URL."""

    isLeaf = True

    def __init__(self, prefix: str, find: Callable[[str], Path | None] = find) -> None:
        """Serve what `find` finds for a path below `prefix`."""
        super().__init__()
        self._prefix = prefix
        self._find = find

    def render(self, request: Any) -> bytes | int:
        """Answer with the file, with 304, or a problem."""
        if request.method not in (b"GET", b"HEAD"):
            return _refuse(request, MethodNotAllowed(allow=("GET", "HEAD")))
        try:
            path = unquote_to_bytes(request.path).decode().removeprefix(self._prefix)
        except UnicodeDecodeError:
            return _refuse(request, NotFound())
        found = None if _wanders(path) else self._find(path)
        state = _state(found) if found else None
        if found is None or state is None:
            return _refuse(request, NotFound())
        return _serve(request, found, state)


def etag(state: os.stat_result) -> str:
    """Return a file's entity tag: it changes with the time or the size."""
    return f'"{state.st_mtime_ns:x}-{state.st_size:x}"'


def _serve(request: Any, path: Path, state: os.stat_result) -> bytes | int:
    tag = etag(state)
    request.setHeader(b"ETag", tag.encode("ascii"))
    request.setHeader(b"Cache-Control", b"no-cache")
    request.setHeader(b"X-Content-Type-Options", b"nosniff")
    if _holds((request.getHeader(b"if-none-match") or b"").decode("latin-1"), tag):
        request.setResponseCode(304)
        return b""
    try:
        file = path.open("rb")
    except OSError:
        return _refuse(request, NotFound())
    request.setHeader(b"Content-Type", (TYPES.get(path.suffix.lower()) or _guessed(path)).encode("ascii"))
    request.setHeader(b"Content-Length", b"%d" % state.st_size)
    if request.method == b"HEAD":
        file.close()
        request.write(b"")
        request.finish()
    else:
        _Sending(file, request).begin()
    return int(server.NOT_DONE_YET)


@implementer(IPushProducer)
class _Sending:
    """One file on its way: read no faster than its client takes it."""

    def __init__(self, file: BinaryIO, request: Any) -> None:
        self._file = file
        self._request = request
        self._paused = False

    def begin(self) -> None:
        self._request.notifyFinish().addBoth(lambda _result: self.stopProducing())
        self._request.registerProducer(self, streaming=True)
        self.resumeProducing()

    def resumeProducing(self) -> None:
        self._paused = False
        while not self._paused:
            piece = self._file.read(PIECE_BYTES)
            if not piece:
                self.stopProducing()
                self._request.unregisterProducer()
                self._request.finish()
                return
            self._request.write(piece)

    def pauseProducing(self) -> None:
        self._paused = True

    def stopProducing(self) -> None:
        self._paused = True
        self._file.close()


def _guessed(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _holds(tags: str, tag: str) -> bool:
    """Tell whether an If-None-Match names a tag (RFC 9110, 13.1.2: weak comparison)."""
    named = [one.strip().removeprefix("W/") for one in tags.split(",")]
    return tag in named or named == ["*"]


def _wanders(path: str) -> bool:
    return "\x00" in path or "\\" in path or any(part in {"", ".", ".."} for part in path.split("/"))


def _state(path: Path) -> os.stat_result | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state if stat.S_ISREG(state.st_mode) else None


def _refuse(request: Any, refusal: MethodNotAllowed | NotFound) -> int:
    Exchange(request).answer(problem(refusal))
    return int(server.NOT_DONE_YET)
