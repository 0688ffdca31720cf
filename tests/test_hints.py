"""What processes tell each other, as text."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from rooms import hints
from rooms.messages import Author, Kind, Posted, RoomBatch, Versions
from tests.support_realtime import NOON

ITEMS = st.lists(st.tuples(st.sampled_from(["at", "typing"]), st.text(max_size=60), st.integers()))


def batch(room: str, *ids: int) -> RoomBatch:
    messages = tuple(Posted(i, room, Kind.MESSAGE, Author(1, "ana"), "text", NOON, f"n{i}") for i in ids)
    return RoomBatch(room, ids[0] - 1, messages, Versions("one", 3, 4))


def test_a_commit_says_up_to_which_id_and_by_which_versions() -> None:
    assert list(hints.of_commit([batch("a", 5, 6), batch("b", 9)])) == [
        ("at", "a", 6, "one", 3, 4),
        ("at", "b", 9, "one", 3, 4),
    ]


def test_changed_rights_name_their_rooms_or_everything() -> None:
    assert list(hints.of_access(["a", "b"])) == [("access", "a"), ("access", "b")]
    assert list(hints.of_access(None)) == [("accounts",)]


def test_items_that_fit_go_together() -> None:
    assert list(hints.payloads("me", [("accounts",), ("access", "a")])) == [
        '{"from":"me","said":[["accounts"],["access","a"]]}'
    ]
    assert list(hints.payloads("me", [])) == []


@given(ITEMS)
def test_payloads_keep_below_the_limit_and_lose_nothing_that_fits(items: list[hints.Item]) -> None:
    found = list(hints.payloads("me", items, limit_bytes=200))
    said = [tuple(item) for payload in found for item in json.loads(payload)["said"]]

    assert all(len(payload.encode()) <= 200 for payload in found)
    assert all(payload.isascii() for payload in found)
    assert said == [item for item in items if len(json.dumps(item, separators=(",", ":"))) <= 176]


def test_the_longest_commit_takes_a_few_payloads_that_postgresql_takes() -> None:
    batches = [batch(f"{number:064}", 2**63 - 1) for number in range(200)]
    found = list(hints.payloads("f" * 16, hints.of_commit(batches)))

    assert len(found) <= 5
    assert max(map(len, found)) < 8_000
