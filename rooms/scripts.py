"""Which of the client's modules a page needs from its start: the others are asked for when they are used."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath

from django.contrib.staticfiles.storage import staticfiles_storage

STATIC = Path(__file__).parent / "static"
IMPORTED = re.compile(r'^(?:import|export)\s(?:[^"(;]*\sfrom\s)?"(\.[^"]+)"', re.MULTILINE)
"""A static import or re-export. One by `import()` is none: what it names is fetched on first use."""


PAGES = ("rooms/js/room.js", "rooms/js/rooms.js")
"""The scripts of pages that import much."""


def preloads(page: str) -> list[str]:
    """Return what a browser is to fetch with a page's script: its modules, or the file that brings them.

    Nothing where pages name files otherwise than the modules name each other: they would be fetched twice.
    """
    if hasattr(staticfiles_storage, "hashed_name") and not getattr(
        staticfiles_storage, "support_js_module_import_aggregation", False
    ):
        return []
    brings = getattr(staticfiles_storage, "brings", None)
    return (brings(page) if brings else None) or MODULES[page]


def begins_with(*roots: str, static: Path = STATIC) -> list[str]:
    """Return what some modules import, each by its path below the static files, themselves among them."""
    found: set[str] = set()
    ahead = list(roots)
    while ahead:
        module = ahead.pop()
        if module in found:
            continue
        found.add(module)
        folder = PurePosixPath(module).parent
        source = (static / module).read_text(encoding="utf-8")
        ahead += (normpath(folder / path) for path in IMPORTED.findall(source))
    return sorted(found)


MODULES = {page: begins_with(page) for page in PAGES}
