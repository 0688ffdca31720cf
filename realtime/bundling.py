"""A page's modules in one file: what they have in common is compressed once, and one answer brings them.

Sixty modules weigh a third more when each is compressed by itself. The file is made of the sources when the
server starts: each module becomes a function that returns what it exports, in the order in which they import
each other. What is fetched later finds the same instances: below the page's own folder the address of each of
those modules answers with a line that hands on what is in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from posixpath import normpath, relpath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMPORT = re.compile(r'^import\s+(?:\{([^}]*)\}\s+from\s+)?"(\.[^"]+)";?[ \t]*$', re.MULTILINE)
LISTED = re.compile(r"^export\s*\{([^}]*)\};?[ \t]*$", re.MULTILINE)
DECLARED = re.compile(r"^export (?=(?:async )?(?:function|class|const) ([\w$]+))", re.MULTILINE)
LATER = re.compile(r'\bimport\("(\.[^"]+)"\)')
LEFT = re.compile(r"^(?:import|export)\b(?!\()|\bimport\.meta\b", re.MULTILINE)


class CannotBundle(Exception):  # noqa: N818  (what happened)
    """A module is written in a way that is not understood here; the message names it."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module taken apart: its text without what binds it to others, and that."""

    path: str
    text: str
    imports: tuple[tuple[str, str], ...]
    """What is taken of which module, as the inside of a destructuring pattern."""
    exports: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called in the file: the same from version to version."""
        return f"${re.sub(r'[^a-zA-Z0-9]', '_', self.path)}"


def bundle(entry: str, read: Callable[[str], str], shorten: Callable[[str], str]) -> dict[str, str]:
    """Return what a page's script becomes, by path: itself, the file of its imports, a line for each.

    Raises:
        CannotBundle: a module is not understood, or two import each other.
    """
    ordered = list(_ordered(entry, read))
    *parts, last = ordered
    file = everything(entry)
    made = {file: "\n".join(shorten(_wrapped(one, entry)) for one in parts) + _handed_on(parts)}
    taken = ",".join(sorted({_called(path) for path, names in last.imports if names}))
    before = f'import{{{taken}}}from"./{PurePosixPath(file).name}";'
    made[entry] = before + shorten(f"{_taken(last)}{_moved(last, entry)}")
    for one in parts:
        way = _relative(file, one.path)
        told = f'import{{{one.name} as m}}from"{way}";export const{{{",".join(one.exports)}}}=m;'
        made[one.path] = told if one.exports else f'import"{way}";'
    return made


def everything(entry: str) -> str:
    """Return the path of the file of all that a page's script imports."""
    return str(PurePosixPath(entry).with_suffix(".all.js"))


def take_apart(path: str, source: str) -> Module:
    """Return a module taken apart; raise CannotBundle."""
    folder = PurePosixPath(path).parent
    imports = tuple(
        (normpath(str(folder / target)), re.sub(r"\s+as\s+", ":", names or "").replace("\n", " ").strip(" ,"))
        for names, target in IMPORT.findall(source)
    )
    listed = [name.strip() for names in LISTED.findall(source) for name in names.split(",") if name.strip()]
    exports = (*DECLARED.findall(source), *listed)
    text = DECLARED.sub("", LISTED.sub("", IMPORT.sub("", source)))
    if found := LEFT.search(text):
        raise CannotBundle(f"{path}: {text[found.start() :].splitlines()[0]}")
    if any(" " in name for name in exports):
        raise CannotBundle(f"{path}: an export has another name")
    return Module(path, text, imports, exports)


def _ordered(entry: str, read: Callable[[str], str]) -> Iterator[Module]:
    """Yield all modules that one imports, each after those that it imports itself; that one is the last."""
    done: set[str] = set()
    under_way: list[str] = []

    def visit(path: str) -> Iterator[Module]:
        if path in under_way:
            raise CannotBundle(f"{path} and {under_way[-1]} import each other")
        under_way.append(path)
        module = take_apart(path, read(path))
        for target, _names in module.imports:
            if target not in done:
                yield from visit(target)
        under_way.pop()
        if path not in done:
            done.add(path)
            yield module

    yield from visit(entry)


def _wrapped(module: Module, entry: str) -> str:
    told = f"return{{{','.join(module.exports)}}};"
    return f"const {module.name}=(()=>{{{_taken(module)}{_moved(module, entry)}\n{told}}})();"


def _taken(module: Module) -> str:
    return "".join(f"const{{{names}}}={_called(path)};" for path, names in module.imports if names)


def _moved(module: Module, entry: str) -> str:
    """Return a module's text with what it fetches later named as from the place of the page's script."""
    folder = PurePosixPath(module.path).parent

    def seen(found: re.Match[str]) -> str:
        return f'import("{_relative(normpath(str(folder / found[1])), entry)}")'

    return LATER.sub(seen, module.text)


def _handed_on(modules: list[Module]) -> str:
    return f"\nexport{{{','.join(one.name for one in modules)}}};"


def _called(path: str) -> str:
    return Module(path, "", (), ()).name


def _relative(path: str, place: str) -> str:
    way = relpath(path, PurePosixPath(place).parent)
    return way if way.startswith(".") else f"./{way}"
