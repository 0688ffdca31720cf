"""What people read is put into their language when they read it, and all of it is translated."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo

from tests.translations import DOMAINS, LANGUAGES, file_of, in_javascript, in_python, in_template, read, said

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path for app in ("project", "realtime", "rooms") for path in (ROOT / app).rglob("*.py"))
AT_ONCE = {"gettext", "ngettext", "pgettext", "npgettext"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def too_early(module: ast.Module) -> Iterator[int]:
    """Yield the lines that translate when the module is imported, in whatever language is active then."""
    names = {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.name in AT_ONCE
    }
    nodes: list[ast.AST] = [module]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node.lineno
        nodes += (child for child in ast.iter_child_nodes(node) if not isinstance(child, FUNCTIONS))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_translated_at_import(path: Path) -> None:
    assert list(too_early(ast.parse(path.read_text(encoding="utf-8")))) == []


CATALOGS = [(language, domain) for language in LANGUAGES for domain in DOMAINS]
PLACE = re.compile(r"%\(\w+\)[sd]|%[sd]")
COUNTS = {"%(count)s", "%(count)d", "%(number)s", "%(number)d", "%(counter)s", "%(uses)s", "%(value)s"}
"""What a form of a plural may leave out: "one message" needs no 1."""

LATIN = {"https"}
"""What is written with these letters in every language."""


def texts(catalog: Catalog) -> list[Message]:
    """Return the messages of a catalog, without its header."""
    return [message for message in catalog if message.id]


def held(catalog: Catalog) -> dict[tuple[str, ...], list[str]]:
    """Return the translations of a catalog by context and text."""
    found = {}
    for one in texts(catalog):
        context: Any = one.context  # of a .mo, Babel has it as bytes
        context = context.decode() if isinstance(context, bytes) else context
        found[context or "", *forms(one.id)] = forms(one.string)
    return found


def forms(text: object) -> list[str]:
    """Return a text, or all forms of it."""
    return [str(form) for form in text] if isinstance(text, list | tuple) else [str(text)]


@pytest.mark.parametrize(("language", "domain"), CATALOGS)
def test_a_catalog_has_what_the_sources_say_and_nothing_else(language: str, domain: str) -> None:
    """`make messages` brings it up to date."""
    translated = {
        (message.context, tuple(message.id) if isinstance(message.id, list | tuple) else message.id)
        for message in texts(read(file_of(language, domain)))
    }
    assert translated == set(said(domain))


@pytest.mark.parametrize(("language", "domain"), CATALOGS)
def test_everything_is_translated(language: str, domain: str) -> None:
    catalog = read(file_of(language, domain))
    for message in texts(catalog):
        wanted = catalog.num_plurals if message.pluralizable else 1
        found = forms(message.string)
        assert len(found) == wanted, message.id
        assert all(form.strip() for form in found), message.id
        assert not message.fuzzy, message.id
        assert not set(found) & set(forms(message.id)), message.id
    assert not catalog.obsolete


@pytest.mark.parametrize(("language", "domain"), CATALOGS)
def test_a_translation_has_the_places_of_its_text(language: str, domain: str) -> None:
    for message in texts(read(file_of(language, domain))):
        wanted = {place for form in forms(message.id) for place in PLACE.findall(form)}
        may_lack = COUNTS if message.pluralizable else set()
        for form in forms(message.string):
            found = set(PLACE.findall(form))
            assert wanted - may_lack <= found <= wanted, message.id
        assert form.startswith(" ") == forms(message.id)[0].startswith(" "), message.id


@pytest.mark.parametrize("domain", DOMAINS)
def test_arabic_is_written_in_arabic(domain: str) -> None:
    for message in texts(read(file_of("ar", domain))):
        for form in forms(message.string):
            assert set(re.findall("[A-Za-z]+", PLACE.sub("", form))) <= LATIN, message.id


@pytest.mark.parametrize(("language", "domain"), CATALOGS)
def test_what_is_compiled_is_what_was_written(language: str, domain: str) -> None:
    path = file_of(language, domain)
    with path.with_suffix(".mo").open("rb") as file:
        compiled = read_mo(file)
    written = read(path)
    assert compiled.plural_expr == written.plural_expr
    assert held(compiled) == held(written)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_refused_can_be_found_translated(path: Path) -> None:
    """What is put together where it is refused is in no catalog: `Refused.of` has places for values."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id="Refused"), args=[_, ast.JoinedStr(), *_]):
                raise AssertionError(f"{path}:{node.lineno}")
            case _:
                pass


def test_calls_are_found_wherever_they_stand() -> None:
    assert list(
        in_python('def f():\n    return ngettext("%d a" "b", "%d c", n), Refused(c, "room: no")')
    ) == [
        (None, ("%d ab", "%d c")),
        ("refusal", "no"),
    ]
    assert list(
        in_template('<p>{% translate "a" %}\n  {% blocktranslate with b=c %}d {{ b }}{% endblocktranslate %}')
    ) == [
        (None, "a"),
        (None, "d %(b)s"),
    ]
    assert list(
        in_javascript('f(`${gettext("a")}`, ngettext("b", "c", n), pgettext("d", "e"), gettext(f))')
    ) == [
        (None, "a"),
        (None, ("b", "c")),
        ("d", "e"),
    ]
