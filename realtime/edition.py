"""The static files as they were at the start, under addresses that change with them and may be kept for good.

Only where this process serves the files: another server before it, with a copy by `collectstatic`, would not
know such addresses.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import rjsmin
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage, staticfiles_storage

from realtime.bundling import CannotBundle, bundle, everything
from realtime.packing import Stamp, stamp
from realtime.packing import shortened as short
from rooms import scripts

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

FOLDER = re.compile(r"v-[0-9a-f]{16}/")
PAGE = re.compile(r"in-[a-z]+/")


@dataclass(frozen=True, slots=True)
class Made:
    """A script that is no file, and what changes with it."""

    stamp: Stamp
    text: bytes


@dataclass(frozen=True, slots=True)
class Edition:
    """Where the files are, and how they were at the start. Without a `folder` their addresses are plain."""

    url: str = "/static/"
    folder: str = ""
    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    made: Mapping[str, Made] = field(default_factory=dict)
    """What is no file: the scripts of pages, each with all that it imports, by path."""

    def is_of(self, folder: str, path: str, now: Stamp) -> bool:
        """Tell whether an address in a folder names this edition of a file that has not changed since."""
        return bool(folder) and folder == self.folder and self.stamps.get(path) == now


class EditionStorage(StaticFilesStorage):
    """The storage by which `{% static %}` writes addresses: in the edition's folder where one was told."""

    folder = ""
    pages: Mapping[str, str] = {}
    """Where the script of a page is, with what it imports."""

    def url(self, name: str | None) -> str:
        """Return a file's address."""
        return super().url(f"{self.folder}{self.pages.get(name or '', name)}")

    def brings(self, script: str) -> list[str] | None:
        """Return what a page's script begins with, by address below STATIC_URL; None where each is a file."""
        return [everything(script)] if script in self.pages else None


def split(path: str) -> tuple[str, str]:
    """Return the folder of an edition, "" where there is none, and the path of the file."""
    found = FOLDER.match(path)
    return (found[0], path[found.end() :]) if found else ("", path)


def of_no_page(path: str) -> str:
    """Return the path of a file that is asked for from within a page's scripts."""
    return PAGE.sub("", path, count=1) if PAGE.match(path) else path


def current(*, shortened: bool) -> Edition:
    """Return the edition that the files of all apps are now, by what they contain and how they are sent."""
    told = blake2b(digest_size=8)
    told.update(rjsmin.__version__.encode() if shortened else b"")
    stamps: dict[str, Stamp] = {}
    for path, file in sorted(_files().items()):
        stamps[path] = stamp(file.stat())
        told.update(b"%s %d " % (path.encode(), stamps[path][1]))
        told.update(file.read_bytes())
    made = _bundles(shortened=shortened)
    for path, script in sorted(made.items()):
        told.update(b"%s %d %d " % (path.encode(), *script.stamp))
    return Edition(settings.STATIC_URL, f"v-{told.hexdigest()}/", stamps, made)


def published(*, shortened: bool, changing: bool) -> Edition:
    """Return the edition that this process serves, and have `{% static %}` write its addresses.

    There is none where files are still `changing`, where they are collected for another server
    (STATIC_ROOT), where they have a host of their own, or where the site's storage is not ours.
    """
    storage = staticfiles_storage
    if changing or settings.STATIC_ROOT or not settings.STATIC_URL.startswith("/"):
        return Edition(settings.STATIC_URL)
    if not isinstance(storage, EditionStorage):
        return Edition(settings.STATIC_URL)
    edition = current(shortened=shortened)
    storage.folder = edition.folder
    storage.pages = {
        path: f"{_page(script)}{path}"
        for script in scripts.PAGES
        if f"{_page(script)}{script}" in edition.made
        for path in (script, everything(script))
    }
    return edition


def _bundles(*, shortened: bool) -> dict[str, Made]:
    """Return the scripts of all pages with what they import; one that cannot be bundled stays as it is."""
    made: dict[str, Made] = {}
    for script in scripts.PAGES:
        try:
            texts = bundle(script, _source, _shortened if shortened else str)
        except (CannotBundle, OSError) as error:
            logger.warning("%s is sent in parts: %s", script, error)
            continue
        for path, text in texts.items():
            plain = text.encode()
            state = (int.from_bytes(blake2b(plain, digest_size=8).digest()), len(plain))
            made[f"{_page(script)}{path}"] = Made(state, plain)
    return made


def _page(script: str) -> str:
    return f"in-{PurePosixPath(script).stem}/"


def _source(path: str) -> str:
    found = finders.find(path)
    if not isinstance(found, str):
        raise FileNotFoundError(path)
    return Path(found).read_text(encoding="utf-8")


def _shortened(text: str) -> str:
    return short(text.encode()).decode()


def _files() -> dict[str, Path]:
    """Return all static files by the path below STATIC_URL; of two of one path the one that is served."""
    found: dict[str, Path] = {}
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            prefix = getattr(storage, "prefix", None)
            address = f"{prefix}/{path}" if prefix else path
            found.setdefault(address.replace("\\", "/"), Path(storage.path(path)))
    return found
