"""The pinned requirements: whole, hashed, and of no machine in particular."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).parent.parent / "requirements"
NAMES = ("base", "sqlite", "dev", "bench")
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ;]+)( ; [^\\]+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def lines(name: str) -> list[str]:
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="ascii")
    return [line for line in text.splitlines() if not line.startswith("#")]


def pins(name: str) -> set[str]:
    """Return each line that pins a package, its version and marker included."""
    return {line for line in lines(name) if PIN.match(line)}


def wanted(name: str) -> set[str]:
    """Return the packages that a short file names itself."""
    named = (REQUIREMENTS / f"{name}.in").read_text(encoding="ascii").splitlines()
    return {re.split(r"[\[~=<>;]", line)[0].strip() for line in named if re.match("[a-z]", line)}


@pytest.mark.parametrize("name", NAMES)
def test_each_line_is_a_pin_or_one_of_its_hashes(name: str) -> None:
    assert [line for line in lines(name) if not PIN.match(line) and not HASH.match(line)] == []
    previous = ""
    for line in lines(name):
        assert HASH.match(line) if previous.endswith("\\") else PIN.match(line)
        previous = line


@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_wanted_is_pinned(name: str) -> None:
    found = {match[1] for line in pins(name) if (match := PIN.match(line))}
    assert wanted(name) <= found


def test_what_is_tested_is_what_runs() -> None:
    assert pins("base") <= pins("dev")


def test_what_the_package_asks_for_is_what_is_tested() -> None:
    """But for what only this site's own settings import."""
    asked = tomllib.loads((REQUIREMENTS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = {
        name: [
            line for line in (REQUIREMENTS / f"{name}.in").read_text().splitlines() if re.match("[a-z]", line)
        ]
        for name in ("base", "sqlite")
    }
    assert asked["dependencies"] == [one for one in told["base"] if not one.startswith("dj-database-url")]
    assert asked["optional-dependencies"]["sqlite"] == told["sqlite"]
