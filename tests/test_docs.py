"""The documentation and the code say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import realtime
from realtime import wire
from realtime.config import Config
from realtime.errors import Refusal
from rooms import bounds, keeping, sanctions
from rooms.messages import Kind

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
PROTOCOL = (ROOT / "docs/protocol.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


def first_cells(text: str, heading: str) -> list[str]:
    """Return the first cells of the rows of the table under a heading."""
    section = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_operations_lists_every_setting_of_the_environment() -> None:
    source = (ROOT / "project/settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'_env\.\w+\(\s*"([A-Z_]+)"', source))
    read |= {field.metadata["setting"] for field in Config.__dataclass_fields__.values()}
    assert set(first_cells(OPERATIONS, "Settings")) == read


def test_operations_tells_the_defaults_of_the_service() -> None:
    told = dict(re.findall(r"^\| `(CHAT_\w+)` \| ([0-9.]+) \|", OPERATIONS, re.MULTILINE))
    there = {field.metadata["setting"]: field.default for field in Config.__dataclass_fields__.values()}
    assert {name: float(value) for name, value in told.items()} == there


def test_operations_lists_every_command() -> None:
    there = {path.stem for path in ROOT.glob("*/management/commands/[a-z]*.py")}
    assert {name.split()[1] for name in first_cells(OPERATIONS, "Commands")} == there


def test_protocol_lists_every_kind_of_message() -> None:
    [row] = re.findall(r"^\| `kind` \| (.*?);", PROTOCOL, re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == [kind.value for kind in Kind]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def refusals(base: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """Yield every refusal there is."""
    for one in base.__subclasses__():
        yield one
        yield from refusals(one)


def test_protocol_lists_every_refusal_with_its_status() -> None:
    rows = re.findall(r"^\| ([45]\d\d) \| (`[^|]+`) \|", PROTOCOL, re.MULTILINE)
    listed = {(int(status), code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}
    assert listed == {(one.http_status, one.code) for one in refusals()}


def test_protocol_lists_every_command_of_a_socket() -> None:
    section = PROTOCOL.split("| client to server | meaning |", 1)[1].split("\n\n", 1)[0]
    tags = {command.__struct_config__.tag for command in get_args(wire.Command)}
    assert set(re.findall(r'"type": "(\w+)"', section)) == tags


def modules(package: str) -> set[str]:
    """Return the names of a package's modules and packages, but for those that Django itself looks for."""
    paths = (ROOT / package).iterdir()
    found = {path.stem for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()}
    return found - {"__init__", "management", "migrations", "templatetags"}


def test_the_map_of_the_realtime_package_names_its_modules_and_no_others() -> None:
    rows = re.findall(r"^    ([a-z_, ]+?)  +\S", realtime.__doc__ or "", re.MULTILINE)
    assert {name for row in rows for name in row.split(", ")} == modules("realtime")


def test_the_architecture_names_every_module_of_the_rooms_and_no_others() -> None:
    cells = re.findall(r"^\| (`rooms/\w+\.py`[^|]*)\|", ARCHITECTURE, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"(\w+)\.py`", cell)} == modules("rooms")


def test_protocol_and_the_menu_tell_the_bounds_of_actions() -> None:
    [told] = re.findall(r"^`name` is a line of .*\n.*$", PROTOCOL, re.MULTILINE)
    most = [int(number.replace(",", "")) for number in re.findall(r"[01] … ([0-9,]+[0-9])", told)]
    assert most == [
        keeping.NAME_LENGTH,
        keeping.TOPIC_LENGTH,
        sanctions.MINUTES_MOST,
        keeping.SLOW_MODE_MOST_S,
        keeping.KEEP_DAYS_MOST,
    ]
    assert keeping.TOPIC_LENGTH == bounds.REASON_LENGTH
    menu = (ROOT / "rooms/static/rooms/js/view/menu.js").read_text(encoding="utf-8")
    [minutes] = re.findall(r"const MINUTES = .*max: ([0-9_]+)", menu)
    assert int(minutes) == sanctions.MINUTES_MOST
