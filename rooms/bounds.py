"""What the fields of an action may hold. A refusal names the field."""

from __future__ import annotations

from rooms import log
from rooms.drafts import UNSTORABLE
from rooms.messages import MAX_ID, Code, Refused

REASON_LENGTH = 250


def refusal(field: str, fault: str, **values: int | str) -> log.Refusal:
    """Return the refusal of a field; the values are put in the place of `%(name)s`."""
    detail = f"{field}: {fault}" % values
    return log.Refusal(Refused(Code.BAD_REQUEST, detail))


def line(field: str, value: str, most: int, *, least: int = 0) -> str:
    """Return a line of text, each run of white space in it one space, none at its ends.

    Raises:
        rooms.log.Refusal: it has too few characters, too many, or one that cannot be stored.
    """
    if UNSTORABLE.search(value):
        raise refusal(field, "a NUL or half of a surrogate pair cannot be stored.")
    text = " ".join(value.split())
    if not least <= len(text) <= most:
        raise refusal(field, "%(least)s to %(most)s characters.", least=least, most=most)
    return text


def is_id(text: str) -> bool:
    """Tell whether a text is an id, or 0, in plain digits."""
    return text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID)) and int(text) <= MAX_ID


def number(field: str, value: int, least: int, most: int) -> int:
    """Return a whole number within bounds, both included.

    Raises:
        rooms.log.Refusal: it is not, or no number at all.
    """
    if type(value) is not int or not least <= value <= most:
        raise refusal(field, "a whole number from %(least)s to %(most)s.", least=least, most=most)
    return value
