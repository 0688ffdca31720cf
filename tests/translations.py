"""What the sources say in a language, and the catalogs that hold it: `make messages` brings them up to date.

Extraction is Django's as far as it goes: its names of calls, its reading of templates. Beside that, what is
refused (`Refused(code, "…")`, `default_detail = "…"`) is found without a mark, since it travels in English
and is translated only where somebody reads it; it has a context of its own. GNU gettext is not needed.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_javascript, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from rooms.catalog import LOCALE
from rooms.refusals import CONTEXT as REFUSAL
from rooms.refusals import FIELD

ROOT = Path(__file__).resolve().parent.parent
DOMAINS = ("django", "djangojs")
LANGUAGES = sorted(path.name for path in LOCALE.iterdir() if path.is_dir())
PLAIN = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}
CONTEXT = {"pgettext", "pgettext_lazy"}
PLURAL_CONTEXT = {"npgettext", "npgettext_lazy"}
KEYWORDS = PLAIN | PLURAL | CONTEXT | PLURAL_CONTEXT

UNKEPT = re.compile(rb'^"(Report|POT|PO|Last|Language-Team|Generated|Project)[^"]*"\n', re.MULTILINE)
"""Lines of a catalog's header."""

ALWAYS = datetime(2026, 11, 21, tzinfo=UTC)
"""When a catalog was made, as it says; else each run would write another."""

Said = tuple[str | None, str | tuple[str, str]]
"""A context, and a text or its two forms."""


def _said(function: str, texts: Sequence[str | None]) -> Iterator[Said]:
    """Yield what a call by this name says; nothing where its texts are not literals."""
    literals = [text for text in texts if text]
    context = literals.pop(0) if literals and function in CONTEXT | PLURAL_CONTEXT else None
    if function in PLURAL | PLURAL_CONTEXT:
        if len(literals) > 1:
            yield context, (literals[0], literals[1])
    elif literals:
        yield context, literals[0]


def in_python(source: str) -> Iterator[Said]:
    """Yield what a module says by a call of gettext, or refuses."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
            constants = (arg.value for arg in node.args if isinstance(arg, ast.Constant))
            yield from _said(node.func.id, tuple(one for one in constants if isinstance(one, str)))
        refused = _refused(node)
        if refused:
            yield REFUSAL, refused


def _refused(node: ast.AST) -> str:
    """Return the text of a refusal; "" where the node is none, or none of a constant text."""
    match node:
        case ast.Call(func=ast.Name(id="Refused" | "refusal"), args=[_, text, *_]):
            pass
        case ast.Call(func=ast.Attribute(value=ast.Name(id="Refused"), attr="of"), args=[_, text, *_]):
            pass
        case ast.Call(func=ast.Attribute(attr="refusal"), args=[_, text, *_]):
            pass
        case ast.Assign(targets=[ast.Name(id="default_detail")], value=text):
            pass
        case ast.AnnAssign(target=ast.Name(id="default_detail"), value=text):
            pass
        case _:
            return ""
    constant = text.value if isinstance(text, ast.Constant) else ""
    return FIELD.sub("", constant) if isinstance(constant, str) else ""


def in_template(source: str) -> Iterator[Said]:
    """Yield what a template says."""
    # In parentheses, where indentation means nothing.
    return _extracted(extract_python, f"({templatize(source)})")


def in_javascript(source: str) -> Iterator[Said]:
    """Yield what a module of the client says."""
    return _extracted(extract_javascript, source)


OPTIONS = {"encoding": "utf-8", "parse_template_string": True}


def _extracted(extract: Callable[..., Iterator[Any]], source: str) -> Iterator[Said]:
    file = io.BytesIO(source.encode())
    for _line, function, texts, _comments in extract(file, KEYWORDS, [], OPTIONS):
        yield from _said(function, texts if isinstance(texts, tuple | list) else (texts,))


SOURCES: dict[str, list[tuple[str, Callable[[str], Iterator[Said]]]]] = {
    "django": [
        ("rooms/**/*.py", in_python),
        ("realtime/**/*.py", in_python),
        ("project/**/*.py", in_python),
        ("project/templates/**/*.html", in_template),
        ("rooms/templates/**/*.html", in_template),
    ],
    "djangojs": [("rooms/static/rooms/js/**/*.js", in_javascript)],
}


def said(domain: str) -> dict[Said, set[str]]:
    """Return all that the sources of a domain say, and the files that say it."""
    found: dict[Said, set[str]] = {}
    for pattern, read in SOURCES[domain]:
        for path in sorted(path for path in ROOT.glob(pattern) if "vendor" not in path.parts):
            for one in read(path.read_text(encoding="utf-8")):
                found.setdefault(one, set()).add(path.relative_to(ROOT).as_posix())
    return found


def file_of(language: str, domain: str) -> Path:
    """Return where a language's catalog of a domain is."""
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.po"


def read(path: Path) -> Catalog:
    """Read a catalog."""
    with path.open("rb") as file:
        catalog = read_po(file)
    catalog.project, catalog.version = "chat", ""
    catalog.creation_date = catalog.revision_date = ALWAYS
    return catalog


def bring_up_to_date(catalog: Catalog, domain: str) -> None:
    """Put what the sources say into a catalog, new texts untranslated, and drop what they no longer say."""
    template = Catalog()
    for (context, text), files in said(domain).items():
        template.add(text, locations=[(file, 0) for file in sorted(files)], context=context)
    header = catalog.header_comment
    catalog.update(template, no_fuzzy_matching=True)
    catalog.header_comment, catalog.creation_date = header, ALWAYS
    catalog.obsolete.clear()


def written(catalog: Catalog) -> bytes:
    """Return the bytes of the .po of a catalog, its header without what nobody keeps."""
    file = io.BytesIO()
    write_po(file, catalog, width=110, sort_by_file=True, include_lineno=False)
    return UNKEPT.sub(b"", file.getvalue())


def compiled(catalog: Catalog) -> bytes:
    """Return the bytes of the .mo of a catalog."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def main() -> None:
    """Bring all catalogs up to date, and compile them."""
    for language in LANGUAGES:
        for domain in DOMAINS:
            path = file_of(language, domain)
            catalog = read(path)
            bring_up_to_date(catalog, domain)
            path.write_bytes(written(catalog))
            path.with_suffix(".mo").write_bytes(compiled(catalog))
            missing = sum(not message.string or not all(message.string) for message in catalog if message.id)
            sys.stdout.write(f"{path.relative_to(ROOT)}: {len(catalog)} texts, {missing} untranslated\n")


if __name__ == "__main__":
    main()
