"""Text files made small for their way: scripts shortened, all compressed, and kept for whoever asks next."""

from __future__ import annotations

import gzip
import os
import re
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import brotli
from rjsmin import jsmin
from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path, PurePath

    from twisted.python.threadpool import ThreadPool

    from realtime.limits import StaticLimits

SUFFIXES = frozenset({".css", ".html", ".js", ".json", ".map", ".mjs", ".svg", ".txt", ".webmanifest"})
CODINGS = ("br", "gzip")
"""The smallest first (RFC 7932, RFC 1952)."""
SCRIPTS = frozenset({".js", ".mjs"})
NESTED = re.compile(rb"`[^`]*\$\{(?:[^{}`]|\{[^{}`]*\})*`")
"""A template within a template: rjsmin takes the inner one for code. Such a script stays as it is."""
OTHERS = "vendor"
"""A folder of this name holds what others wrote: it is given as they gave it."""

Stamp = tuple[int, int]
"""When a file was changed, in nanoseconds, and its size in bytes."""


def stamp(state: os.stat_result) -> Stamp:
    """Return what changes with a file."""
    return state.st_mtime_ns, state.st_size


@dataclass(frozen=True, slots=True)
class Packed:
    """What is sent of a file in the state that `stamp` tells."""

    stamp: Stamp
    forms: Mapping[str, bytes]
    """By content coding (RFC 9110, 8.4.1); "" is the text as it is."""

    @property
    def weight(self) -> int:
        """How much memory it takes, in bytes."""
        return sum(map(len, self.forms.values()))


def is_ours(path: PurePath) -> bool:
    """Tell whether what is below STATIC_URL at a path is a script whose comments and spaces may go."""
    return path.suffix in SCRIPTS and not path.stem.endswith(".min") and OTHERS not in path.parts


def thd_pack(path: Path, *, shorten: bool) -> Packed:
    """Read a file and return it packed; raise OSError where it cannot be read."""
    with path.open("rb") as file:
        read = stamp(os.fstat(file.fileno()))
        plain = file.read()
    return thd_compress(shortened(plain) if shorten else plain, read)


def thd_compress(plain: bytes, state: Stamp) -> Packed:
    """Return a text packed."""
    forms = {
        "": plain,
        "gzip": gzip.compress(plain, 9, mtime=0),
        "br": brotli.compress(plain, brotli.MODE_TEXT),
    }
    return Packed(state, forms)


def shortened(script: bytes) -> bytes:
    """Return a script without comments and spaces. Bytes: a text that is no Unicode would end the process."""
    plain: bytes = script if NESTED.search(script) else jsmin(script)
    return plain


class Packing:
    """Packs in a thread, each file once, and holds what was packed last within a bound."""

    def __init__(self, reactor: Any, pool: ThreadPool, limits: StaticLimits, *, shorten: bool) -> None:
        """Pack in the pool's threads; `shorten` scripts of ours, or leave them as they are."""
        self._shorten = shorten
        self._reactor = reactor
        self._pool = pool
        self._limits = limits
        self._held: OrderedDict[PurePath, Packed] = OrderedDict()
        self._weight = 0
        self._awaited: dict[tuple[PurePath, Stamp], list[Deferred[Packed]]] = {}

    def takes(self, address: PurePath, now: Stamp) -> bool:
        """Tell whether a file is text, and not too large."""
        return address.suffix.lower() in SUFFIXES and now[1] <= self._limits.packed_file_bytes

    def shortens(self, address: PurePath) -> bool:
        """Tell whether what is sent of a file is shorter than the file."""
        return self._shorten and is_ours(address)

    async def packed(self, path: PurePath, now: Stamp, thd_work: Callable[[], Packed]) -> Packed:
        """Return what `thd_work` makes of a path, as it is `now` or since; raise what it raises."""
        held = self._held.get(path)
        if held is not None and held.stamp == now:
            self._held.move_to_end(path)
            return held
        mine: Deferred[Packed] = Deferred()
        waiting = self._awaited.setdefault((path, now), [])
        waiting.append(mine)
        if waiting == [mine]:
            told = partial(self._reactor.callFromThread, self._done, (path, now))
            self._pool.callInThreadWithCallback(told, thd_work)
        return await mine

    def _done(self, key: tuple[PurePath, Stamp], good: bool, result: Any) -> None:  # noqa: FBT001  (Twisted's own)
        if good:
            self._hold(key[0], result)
        for one in self._awaited.pop(key):
            one.callback(result)  # a Failure is an error to whoever awaits it

    def _hold(self, path: PurePath, packed: Packed) -> None:
        before = self._held.pop(path, None)
        self._weight += packed.weight - (before.weight if before else 0)
        self._held[path] = packed
        while self._weight > self._limits.packed_bytes:
            _path, oldest = self._held.popitem(last=False)
            self._weight -= oldest.weight
