"""The address of a room: one that was asked for, or one made of its name."""

from __future__ import annotations

import re
import secrets
import unicodedata
from itertools import count
from typing import TYPE_CHECKING

from rooms import bounds
from rooms.models import SLUG_PATTERN

if TYPE_CHECKING:
    from collections.abc import Iterator

RESERVED = frozenset({"new"})
"""What a page of the site itself may be called beside the rooms."""

MADE_LENGTH = 48
"""The longest address made of a name: room for a number after it."""

NUMBERED = 20
"""How many numbers are tried before chance decides."""


def given(slug: str) -> str:
    """Return an address that somebody asks for.

    Raises:
        rooms.log.Refusal: it is not one.
    """
    if not re.fullmatch(SLUG_PATTERN, slug):
        raise bounds.refusal("room", "1 to 64 small letters, digits and hyphens.")
    return slug


def of_name(name: str) -> Iterator[str]:
    """Yield addresses made of a name, the best first: what of it is ASCII, then that with a number.

    They never end.
    """
    stem = slugified(name)
    if stem:
        yield stem
        yield from (f"{stem}-{number}" for number in range(2, NUMBERED + 1))
    for attempt in count():
        yield f"{stem or 'room'}-{secrets.token_hex(2 + attempt // 4)}"


def slugified(name: str) -> str:
    """Return what of a name an address can hold, "" where that is nothing."""
    ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text.lower())[:MADE_LENGTH].strip("-")
