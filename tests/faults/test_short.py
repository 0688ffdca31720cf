"""The short form of the proof: each fault for some seconds, and each broken build until it is found out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests import postgresql
from tests.faults.arena import Site
from tests.faults.catalogue import FAULTS
from tests.faults.command import Form, outcome
from tests.faults.fault import POSTGRESQL, SQLITE, Fault

SHORT = [fault for fault in FAULTS if fault.short]


@pytest.fixture(name="stack", scope="module")
def what_is_removed_at_the_end() -> Iterator[ExitStack]:
    """Remove at the module's end what was made."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(name="on_sqlite", scope="module")
def site_on_sqlite(stack: ExitStack) -> Site:
    """Make a site on SQLite."""
    return Site.make(stack, on_postgresql=False)


@pytest.fixture(name="on_postgresql", scope="module")
def site_on_postgresql(stack: ExitStack) -> Site:
    """Make a site on a PostgreSQL of its own."""
    if postgresql.installed_binaries() is None:
        assert not os.environ.get("CI"), "no installed PostgreSQL to break"
        pytest.skip("no installed PostgreSQL to break")
    return Site.make(stack, on_postgresql=True)


def kept(fault: Fault, site: Site, database: str) -> None:
    """Let it happen; every demand must be kept."""
    row = outcome(fault, site, database, Form())
    assert row.verdict == "kept", f"{row.demand}: {row.measured}; anomalies: {row.anomalies}"


@pytest.mark.parametrize("fault", [one for one in SHORT if SQLITE in one.databases], ids=lambda one: one.name)
def test_on_sqlite(on_sqlite: Site, fault: Fault) -> None:
    kept(fault, on_sqlite, SQLITE)


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "fault", [one for one in SHORT if POSTGRESQL in one.databases], ids=lambda one: one.name
)
def test_on_postgresql(on_postgresql: Site, fault: Fault) -> None:
    kept(fault, on_postgresql, POSTGRESQL)
