"""A client that follows docs/protocol.md ends with what a fresh read shows, however it got its rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from realtime.wire import encode_message
from rooms import history, log
from rooms.messages import Before, Draft, Kind, Newest, Page, Posted
from tests.support_rooms import person, read_all, room

pytestmark = pytest.mark.databases

Row = dict[str, Any]
SLUG = "den"
TEXTS = ["a", "b", "@ben", "@cleo and @ben", "@nobody"]


@dataclass(frozen=True)
class Step:
    """What somebody does: `target` counts back among the messages (of that kind) stored before."""

    kind: Kind
    who: int
    text: str
    target: int


SAID = st.builds(
    Step, st.just(Kind.MESSAGE), who=st.integers(0, 2), text=st.sampled_from(TEXTS), target=st.just(0)
)
DONE = st.builds(
    Step,
    kind=st.sampled_from([Kind.EDIT, Kind.REACTION, Kind.REACTION, Kind.UNREACTION, Kind.REDACTION]),
    who=st.integers(0, 2),
    text=st.sampled_from(TEXTS),
    target=st.integers(0, 2),
)
BATCHES = st.lists(st.lists(st.one_of(SAID, DONE, DONE), min_size=1, max_size=6), min_size=1, max_size=7)


@dataclass
class Client:
    """Holds messages, and rows about messages that it does not hold yet."""

    held: dict[int, Row] = field(default_factory=dict)
    kept: dict[int, Row] = field(default_factory=dict)

    def take(self, posted: tuple[Posted, ...]) -> None:
        """Take rows as they come over the wire: live, from a page, some of them for the second time."""
        for row in (json.loads(encode_message(one)) for one in posted):
            if row["kind"] == "message":
                self.held.setdefault(row["id"], row)
            else:
                self.kept[row["id"]] = row
        for key in sorted(self.kept):
            if self.kept[key]["target"] in self.held:
                self._apply(self.kept.pop(key))

    def _apply(self, row: Row) -> None:
        target = self.held[row["target"]]
        if row["id"] <= target.get("changed", 0):
            return
        target["changed"] = row["id"]
        match row["kind"]:
            case "edit":
                _put(target, body=row.get("body"), edited_at=row["created_at"], mentions=row.get("mentions"))
            case "redaction":
                _put(target, body=None, redacted=True, mentions=None, reactions=None)
            case "reaction":
                _put(target, reactions=_added(target.get("reactions", []), row))
            case _:
                _put(target, reactions=_removed(target.get("reactions", []), row))


def _put(target: Row, **values: Any) -> None:
    target.update(values)
    for name in [name for name, value in target.items() if value is None]:
        del target[name]


def _added(reactions: list[Row], row: Row) -> list[Row]:
    who = row["author"]["id"]
    if all(one["body"] != row["body"] for one in reactions):
        return [*reactions, {"body": row["body"], "count": 1, "users": [who]}]
    return [
        {"body": one["body"], "count": one["count"] + 1, "users": [*one["users"], who]}
        if one["body"] == row["body"]
        else one
        for one in reactions
    ]


def _removed(reactions: list[Row], row: Row) -> list[Row] | None:
    left = []
    for one in reactions:
        if one["body"] != row["body"]:
            left.append(one)
        elif one["count"] > 1:
            users = [user for user in one["users"] if user != row["author"]["id"]]
            left.append({"body": one["body"], "count": one["count"] - 1, "users": users})
    return left or None


def _messages(posted: tuple[Posted, ...]) -> dict[int, Row]:
    rows = (json.loads(encode_message(one)) for one in posted)
    return {row["id"]: row for row in rows if row["kind"] == "message"}


class Replay(TestCase):
    """Whoever applies all rows in order, to whatever older bytes, ends with what the messages say."""

    def setUp(self) -> None:
        self.people = [person("ana"), person("ben"), person("cleo", is_staff=True)]
        room(SLUG)

    @settings(max_examples=120, deadline=None)
    @given(batches=BATCHES, early=st.integers(0, 6), size=st.integers(1, 5))
    def test_every_way_to_get_the_rows_ends_alike(
        self, batches: list[list[Step]], early: int, size: int
    ) -> None:
        live, joined, split, backwards = Client(), Client(), Client(), Client()
        seen = 0
        for number, steps in enumerate(batches):
            if number == early:
                whole = read_all(SLUG)
                joined.take(whole)
                split.take(whole[:size])
                seen = whole[:size][-1].id if whole else 0
                backwards.take(self._page(Newest(size)))
            for batch in log.append(self._drafts(steps)).batches:
                for client in (live, *((joined, backwards) if number >= early else ())):
                    client.take(batch.messages)
        if early >= len(batches):
            joined.take(read_all(SLUG))
        split.take(tuple(one for one in read_all(SLUG) if one.id > seen))
        self._read_backwards(backwards)
        fresh = _messages(read_all(SLUG))
        for client in (live, joined, split, backwards):
            assert client.held == fresh
            client.take(read_all(SLUG))
            assert client.held == fresh, "rows that come twice change nothing"

    def _page(self, span: Before | Newest) -> tuple[Posted, ...]:
        page = history.read(self.people[0].pk, SLUG, span)
        assert isinstance(page, Page)
        return page.messages

    def _read_backwards(self, client: Client) -> None:
        """Bring older and older pages, as when somebody scrolls back."""
        page = self._page(Newest(2))
        while page:
            client.take(page)
            page = self._page(Before(page[0].id, 2))

    def _drafts(self, steps: list[Step]) -> list[Draft]:
        spoken = [one.id for one in read_all(SLUG) if one.kind is Kind.MESSAGE]
        drafts = []
        for step in steps:
            who, nonce = self.people[step.who].pk, f"n{next(_numbers)}"
            if step.kind is Kind.MESSAGE:
                drafts.append(Draft(SLUG, step.kind, who, nonce, step.text))
            elif step.target < len(spoken):
                text = step.text.replace(" ", "")
                drafts.append(Draft(SLUG, step.kind, who, nonce, text, spoken[-1 - step.target]))
        return drafts


_numbers = iter(range(10**9))
