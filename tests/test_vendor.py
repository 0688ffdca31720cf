"""What others wrote and is kept here is what they wrote."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "rooms/static/rooms/js/vendor"
OURS = {"README.md", "marked.esm.d.ts"}


def test_vendored_files_are_those_whose_sums_stand_beside_them() -> None:
    told = (VENDOR / "README.md").read_text(encoding="utf-8")
    sums = dict(re.findall(r"^\| `([^`]+)` \|.*`([0-9a-f]{64})` \|$", told, re.MULTILINE))
    licences = {path.name for path in VENDOR.glob("*-LICENSE.md")}
    there = {path.name for path in VENDOR.iterdir()} - OURS - licences
    assert there == set(sums)
    for name, told_sum in sums.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == told_sum, name


def test_the_version_told_is_the_one_that_make_vendor_fetches() -> None:
    told = (VENDOR / "README.md").read_text(encoding="utf-8")
    source = (VENDOR / "marked.esm.js").read_text(encoding="utf-8")
    [version] = re.findall(
        r"^MARKED := (\S+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert f"marked {version}," in told
    assert f"marked v{version} -" in source
