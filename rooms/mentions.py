"""Whom a text names as `@name`: found when it is sent, among those who may see the room then.

A name is a user name, never a display name: those need not be unique, and a site may make them of what
it likes. Nobody is found by an e-mail address, so on a site whose people log in by theirs, nobody is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db.models import CharField, EmailField

from rooms import accounts
from rooms.messages import Author, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MOST = 20
KINDS = frozenset({Kind.MESSAGE, Kind.EDIT})

# What stands beside another @, or within a word, is an address or a handle of elsewhere.
POSSIBLE = re.compile(r"(?<![\w.+@-])@([\w.+-]{1,150}+)(?![\w.+@-])")
CLOSING = ".+-"
"""What a user name may hold, and a sentence may close with."""

NAMES_AT_ONCE = 500
"""SQLite takes some thousand parameters a statement at the least."""


def possible(text: str) -> list[str]:
    """Return the first names that a text may hold, each once, in order, as they stand in it."""
    if "@" not in text:
        return []
    return list(dict.fromkeys(match[1] for match in POSSIBLE.finditer(text)))[:MOST]


def people(texts: Iterable[str]) -> dict[str, Any]:
    """Return those whom texts may name, by user name, as `accounts.users` has them.

    Without a possible name there is no query; with some there is one.
    """
    forms = {form for text in texts for name in possible(text) for form in _forms(name)}
    if not forms or not _are_names():
        return {}
    field = f"{get_user_model().USERNAME_FIELD}__in"
    asked = sorted(forms)
    parts = (asked[at : at + NAMES_AT_ONCE] for at in range(0, len(asked), NAMES_AT_ONCE))
    return {user.get_username(): user for part in parts for user in accounts.users().filter(**{field: part})}


def found(text: str, by_name: dict[str, Any], may_see: Callable[[Any], bool]) -> list[Author]:
    """Return those whom a text names, each once, by the name that stands in it."""
    named: dict[object, Author] = {}
    for name in possible(text):
        for form in (name, name.rstrip(CLOSING)):
            user = by_name.get(form) or by_name.get(form.lower())
            if user is not None and may_see(user):
                named.setdefault(user.pk, Author(accounts.wire_id(user.pk), form))
                break
    return list(named.values())


def named_by(text: str, by_name: dict[str, Any]) -> Iterator[Any]:
    """Yield all whom a text may name."""
    for name in possible(text):
        yield from (by_name[form] for form in _forms(name) if form in by_name)


def kept(named: list[Author]) -> dict[str, Any] | None:
    """Return mentions as the database keeps them beside the row, None where there are none."""
    return {"mentions": [{"id": one.id, "name": one.name} for one in named]} if named else None


def told(details: dict[str, Any] | None) -> tuple[Author, ...]:
    """Return the mentions of what is kept."""
    return tuple(Author(one["id"], one["name"]) for one in (details or {}).get("mentions", ()))


def _forms(name: str) -> set[str]:
    bare = name.rstrip(CLOSING)
    return {form for form in (name, name.lower(), bare, bare.lower()) if form}


def _are_names() -> bool:
    model = get_user_model()
    field = model._meta.get_field(model.USERNAME_FIELD)
    return isinstance(field, CharField) and not isinstance(field, EmailField)
