"""Static files, straight from staticfiles' finders: no collectstatic, no DEBUG. Text goes packed."""

from __future__ import annotations

import logging
import mimetypes
import stat
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation
from django.utils._os import safe_join
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.web import resource, server
from zope.interface import implementer

from realtime.edition import of_no_page, split
from realtime.errors import InternalError, MethodNotAllowed, NotFound
from realtime.packing import CODINGS, stamp, thd_compress, thd_pack
from realtime.transports.http import Exchange, problem

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from pathlib import PurePath

    from realtime.edition import Edition
    from realtime.packing import Packed, Packing, Stamp

logger = logging.getLogger(__name__)

FOR_GOOD = b"public, max-age=31536000, immutable"
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
    """Return the static file that a path names, None where there is none; never one outside.

    Where the site collects its files, that is a copy that no app has too: what a storage made, by names
    that change with what the files hold.
    """
    try:
        found = finders.find(path)
        if not isinstance(found, str) and settings.STATIC_ROOT:
            found = safe_join(settings.STATIC_ROOT, path)
    except (SuspiciousFileOperation, ValueError):
        return None
    return Path(found) if isinstance(found, str) else None


class StaticFiles(resource.Resource):
    """All below STATIC_URL."""

    isLeaf = True

    def __init__(self, packing: Packing, edition: Edition, find: Callable[[str], Path | None] = find) -> None:
        """Serve what `find` finds for a path; what is of the edition may be kept for good."""
        super().__init__()
        self._packing = packing
        self._edition = edition
        self._find = find

    def render(self, request: Any) -> bytes | int:
        """Answer with the file, with 304, or a problem."""
        if request.method not in (b"GET", b"HEAD"):
            return _refuse(request, MethodNotAllowed(allow=("GET", "HEAD")))
        try:
            asked = unquote_to_bytes(request.path).decode().removeprefix(self._edition.url)
        except UnicodeDecodeError:
            return _refuse(request, NotFound())
        folder, path = split(asked)
        if made := self._edition.made.get(path):
            _say_how_long(request, kept=folder == self._edition.folder)
            work = partial(thd_compress, made.text, made.stamp)
            return self._soon(request, _Wanted(PurePosixPath(path), made.stamp, "", work))
        path = of_no_page(path)
        found = None if _wanders(path) else self._find(path)
        state = _state(found) if found else None
        if found is None or state is None:
            return _refuse(request, NotFound())
        now = stamp(state)
        kept = self._edition.is_of(folder, path, now)
        _say_how_long(request, kept=kept)
        address = PurePosixPath(path)
        if self._packing.takes(address, now):
            shorten = self._packing.shortens(address)
            work = partial(thd_pack, found, shorten=shorten)
            return self._soon(request, _Wanted(found, now, "-min" if shorten else "", work))
        return _serve(request, found, now)

    def _soon(self, request: Any, wanted: _Wanted) -> int:
        Deferred.fromCoroutine(self._answer(Exchange(request), wanted))
        return int(server.NOT_DONE_YET)

    async def _answer(self, exchange: Exchange, wanted: _Wanted) -> None:
        """Answer with a text, once it is packed."""
        try:
            coding = _coding(exchange)
            marks = f"{wanted.mark}{f'-{coding}' if coding else ''}"
            exchange.request.setHeader(b"Vary", b"Accept-Encoding")
            if _known(exchange.request, etag(wanted.now, marks)):
                exchange.request.setResponseCode(304)
                exchange.finish()
                return
            packed = await self._packing.packed(wanted.path, wanted.now, wanted.thd_work)
            if not exchange.gone:
                if packed.stamp != wanted.now:
                    # It changed while it was read: it is not what the address of an edition stands for.
                    _say_how_long(exchange.request, kept=False)
                exchange.request.setHeader(b"ETag", etag(packed.stamp, marks).encode("ascii"))
                _send(exchange, packed.forms[coding], coding, _type(wanted.path))
        except OSError:
            exchange.answer(problem(NotFound()))
        except Exception:
            logger.exception("A static file could not be sent")
            exchange.answer(problem(InternalError()))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A text that is asked for: what it is of, in which state, and how it is packed."""

    path: PurePath
    now: Stamp
    mark: str
    """What of its entity tag tells that it is shorter than its file."""
    thd_work: Callable[[], Packed]


def etag(now: Stamp, marks: str = "") -> str:
    """Return a file's entity tag: it changes with the time or the size, and with what was made of it."""
    time_ns, size = now
    return f'"{time_ns:x}-{size:x}{marks}"'


def _known(request: Any, tag: str) -> bool:
    """Set the entity tag, and tell whether the client has what it stands for."""
    request.setHeader(b"ETag", tag.encode("ascii"))
    return _holds((request.getHeader(b"if-none-match") or b"").decode("latin-1"), tag)


def _send(exchange: Exchange, body: bytes, coding: str, kind: str) -> None:
    request = exchange.request
    if coding:
        request.setHeader(b"Content-Encoding", coding.encode("ascii"))
    request.setHeader(b"Content-Type", kind.encode("ascii"))
    request.setHeader(b"Content-Length", b"%d" % len(body))
    request.write(b"" if exchange.method == "HEAD" else body)
    exchange.finish()


def _coding(exchange: Exchange) -> str:
    """Return the coding that a client takes, the one it likes best, then the smallest (RFC 9110, 12.5.3)."""
    weights: dict[str, float] = {}
    for one in exchange.header("Accept-Encoding").split(","):
        name, _, parameter = (part.strip().lower() for part in one.partition(";"))
        key, _, value = (part.strip() for part in parameter.partition("="))
        try:
            weights[name.removeprefix("x-")] = float(value) if key == "q" else 1.0
        except ValueError:
            weights[name] = 0.0
    offered = {coding: weights.get(coding, weights.get("*", 0.0)) for coding in CODINGS}
    best = max(CODINGS, key=lambda coding: offered[coding] if offered[coding] <= 1 else 0.0)
    return best if 0 < offered[best] <= 1 and offered[best] >= weights.get("identity", 0.0) else ""


def _serve(request: Any, path: Path, now: Stamp) -> bytes | int:
    if _known(request, etag(now)):
        request.setResponseCode(304)
        return b""
    try:
        file = path.open("rb")
    except OSError:
        return _refuse(request, NotFound())
    request.setHeader(b"Content-Type", _type(path).encode("ascii"))
    request.setHeader(b"Content-Length", b"%d" % now[1])
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


def _say_how_long(request: Any, *, kept: bool) -> None:
    """Set what a browser may keep."""
    request.setHeader(b"Cache-Control", FOR_GOOD if kept else b"no-cache")
    request.setHeader(b"X-Content-Type-Options", b"nosniff")


def _type(path: PurePath) -> str:
    known = TYPES.get(path.suffix.lower())
    return known or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


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
