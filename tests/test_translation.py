"""What people read is put into their language when they read it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(path for app in ("rooms", "realtime") for path in (ROOT / app).rglob("*.py"))
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
