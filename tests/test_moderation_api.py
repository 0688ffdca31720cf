"""The HTTP API's calls of moderators, and reactions and search, through the whole service."""

from __future__ import annotations

from typing import Any

import pytest

from rooms.models import ChatRoom, Membership, WithheldText
from tests.support_bytes import Response
from tests.support_inline import Inline
from tests.support_rooms import person, room

pytestmark = pytest.mark.databases

TEA = "/api/rooms/tea"


@pytest.fixture
def mod() -> Any:
    return person("mod")


@pytest.fixture
def staff() -> Any:
    return person("staff", is_staff=True)


@pytest.fixture(autouse=True)
def tea(mod: Any) -> ChatRoom:
    tea = room("tea")
    Membership.objects.create(room=tea, user=mod, role=Membership.Role.MODERATOR)
    return tea


def refused(response: Response) -> tuple[int, str]:
    return response.status, response.code


def say(chat: Inline, by: Any, body: str) -> int:
    key: int = chat.ask("POST", f"{TEA}/messages", {"body": body}, by=by).json["id"]
    return key


def log(chat: Inline, by: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chat.ask("GET", f"{TEA}/messages", by=by).json["messages"]
    return found


class TestSanctions:
    @pytest.mark.parametrize(("sort", "notice"), [("mutes", "muted"), ("bans", "banned")])
    def test_one_is_imposed_listed_told_and_lifted(
        self, chat: Inline, mod: Any, ben: Any, sort: str, notice: str
    ) -> None:
        path = f"{TEA}/{sort}/{ben.pk}"
        imposed = chat.ask("PUT", path, {"minutes": 10, "reason": "rude"}, by=mod)
        listed = chat.ask("GET", f"{TEA}/{sort}", by=mod).json
        anew = chat.ask("PUT", path, by=mod).json

        assert imposed.status == 200
        assert imposed.json["user"] == {"id": ben.pk, "name": "ben"}
        assert imposed.json.keys() == {"user", "reason", "since", "until"}
        assert listed == {sort: [imposed.json]}
        assert (anew["reason"], "until" in anew) == ("", False)
        assert chat.ask("DELETE", path, by=mod).status == 204
        assert chat.ask("GET", f"{TEA}/{sort}", by=mod).json == {sort: []}
        assert refused(chat.ask("DELETE", path, by=mod)) == (404, "not_found")
        told = [row["notice"] for row in log(chat, mod)]
        assert [one["event"] for one in told] == [notice, notice, "un" + notice]
        assert told[0]["until"] == imposed.json["until"]
        assert told[0]["about"] == {"id": ben.pk, "name": "ben"}

    @pytest.mark.parametrize("body", [{"minutes": 0}, {"minutes": "1"}, {"reason": "x" * 251}, {"reason": 7}])
    def test_what_is_wrong_is_named(self, chat: Inline, mod: Any, ben: Any, body: Any) -> None:
        for sort in ("mutes", "bans"):
            response = chat.ask("PUT", f"{TEA}/{sort}/{ben.pk}", body, by=mod)
            assert refused(response) == (400, "bad_request")
            assert next(iter(body)) in response.json["detail"]

    def test_they_are_for_moderators(self, chat: Inline, mod: Any, ben: Any) -> None:
        for sort in ("mutes", "bans"):
            assert refused(chat.ask("GET", f"{TEA}/{sort}", by=ben)) == (403, "forbidden")
            assert refused(chat.ask("PUT", f"{TEA}/{sort}/{mod.pk}", by=ben)) == (403, "forbidden")
            assert refused(chat.ask("PUT", f"{TEA}/{sort}/me", by=mod)) == (403, "forbidden")
            assert refused(chat.ask("PUT", f"{TEA}/{sort}/me")) == (401, "not_authenticated")

    def test_the_staff_suspend_from_the_site(self, chat: Inline, ben: Any, staff: Any) -> None:
        path = f"/api/suspensions/{ben.pk}"
        assert refused(chat.ask("PUT", path, by=ben)) == (403, "forbidden")
        assert chat.ask("GET", TEA, by=ben).status == 200
        assert chat.ask("PUT", path, {"minutes": 5, "reason": "spam"}, by=staff).status == 204
        chat.turns.settle()
        assert refused(chat.ask("GET", TEA, by=ben)) == (401, "not_authenticated")
        assert chat.ask("DELETE", path, by=staff).status == 204
        assert chat.ask("GET", TEA, by=ben).status == 200


class TestRedaction:
    def test_all_of_one_author_is_redacted(self, chat: Inline, mod: Any, ben: Any) -> None:
        said = [say(chat, ben, f"spam {number}") for number in range(3)]
        kept = say(chat, mod, "mine")
        since = next(row["created_at"] for row in log(chat, mod) if row["id"] == said[1])
        some = chat.ask("POST", f"{TEA}/redactions", {"user": ben.pk, "since": since}, by=mod)
        rest = chat.ask("POST", f"{TEA}/redactions", {"user": ben.pk, "reason": "spam"}, by=mod)

        assert (some.status, some.json, rest.json) == (200, {"redacted": 2}, {"redacted": 1})
        assert {row["id"] for row in log(chat, mod) if row.get("redacted")} == set(said)
        assert kept not in said

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "user"),
            ({"user": 1, "since": "yesterday"}, "since"),
            ({"user": 1, "since": "2026-01-01T00:00:00"}, "since"),
        ],
    )
    def test_what_is_wrong_is_named(self, chat: Inline, mod: Any, body: Any, field: str) -> None:
        response = chat.ask("POST", f"{TEA}/redactions", body, by=mod)

        assert refused(response) == (400, "bad_request")
        assert field in response.json["detail"]

    def test_the_staff_remove_for_good(self, chat: Inline, mod: Any, ben: Any, staff: Any) -> None:
        said = say(chat, ben, "secret")
        path = f"{TEA}/messages/{said}"
        chat.ask("DELETE", path, by=ben)
        assert WithheldText.objects.count() == 1
        assert refused(chat.ask("POST", f"{path}/purge", by=mod)) == (403, "forbidden")
        assert chat.ask("POST", f"{path}/purge", by=staff).status == 204
        assert WithheldText.objects.count() == 0


class TestReports:
    def test_one_is_made_once_seen_and_settled_once(self, chat: Inline, mod: Any, ben: Any) -> None:
        said = say(chat, ben, "rude")
        path, cat = f"{TEA}/messages/{said}/reports", person("cat")
        made = chat.ask("POST", path, {"reason": "rude"}, by=cat)
        again = chat.ask("POST", path, by=cat)
        (queue,) = chat.ask("GET", "/api/reports", by=mod).json["reports"]
        settle = f"/api/reports/{made.json['report']}"
        settled = chat.ask("POST", settle, {"settlement": "banned", "minutes": 5}, by=mod)

        assert (made.status, again.status, again.json) == (201, 200, made.json)
        assert queue["message"] == next(row for row in log(chat, mod) if row["id"] == said)
        assert {name: queue[name] for name in ("report", "room", "reporter", "reason")} == {
            "report": made.json["report"], "room": "tea", "reporter": {"id": cat.pk, "name": "cat"},
            "reason": "rude",
        }  # fmt: skip
        assert settled.status == 204
        assert chat.ask("GET", "/api/reports", by=mod).json == {"reports": []}
        assert refused(chat.ask("POST", settle, {"settlement": "dismissed"}, by=mod)) == (409, "settled")
        assert refused(chat.ask("GET", TEA, by=ben)) == (403, "forbidden")

    @pytest.mark.parametrize(
        "body", [{}, {"settlement": "forgiven"}, {"settlement": "dismissed", "minutes": 5}]
    )
    def test_what_is_wrong_is_named(self, chat: Inline, mod: Any, body: Any) -> None:
        response = chat.ask("POST", "/api/reports/7", body, by=mod)

        assert refused(response) == (400, "bad_request")
        assert ("minutes" if "minutes" in body else "settlement") in response.json["detail"]

    def test_who_moderates_nothing_has_no_queue(self, chat: Inline, ben: Any) -> None:
        assert chat.ask("GET", "/api/reports", by=ben).json == {"reports": []}
        assert refused(chat.ask("GET", "/api/reports")) == (401, "not_authenticated")
        assert refused(chat.ask("POST", "/api/reports/1", {"settlement": "dismissed"}, by=ben)) == (
            404,
            "not_found",
        )


class TestReactions:
    def test_one_stands_once_and_is_taken_back(self, chat: Inline, mod: Any, ben: Any) -> None:
        said = say(chat, ben, "tea?")
        path = f"{TEA}/messages/{said}/reactions"
        first = chat.ask("POST", path, {"body": "🍵", "nonce": "a"}, by=mod)
        again = chat.ask("POST", path, {"body": "🍵", "nonce": "b"}, by=mod)
        with_it = next(row for row in log(chat, ben) if row["id"] == said)
        back = chat.ask("DELETE", path, {"body": "🍵"}, by=mod)
        without = next(row for row in log(chat, ben) if row["id"] == said)

        assert (first.status, first.json["kind"], first.json["target"]) == (201, "reaction", said)
        assert (again.status, again.json) == (200, first.json)
        assert with_it["reactions"] == [{"body": "🍵", "count": 1, "users": [mod.pk]}]
        assert with_it["changed"] == first.json["id"]
        assert (back.status, back.json["kind"]) == (200, "unreaction")
        assert "reactions" not in without
        assert refused(chat.ask("DELETE", path, {"body": "🍵"}, by=mod)) == (404, "not_found")

    @pytest.mark.parametrize("body", [{}, {"body": ""}, {"body": "x" * 33}, {"body": "a b"}, {"body": 7}])
    def test_what_is_wrong_is_named(self, chat: Inline, ben: Any, body: Any) -> None:
        said = say(chat, ben, "tea?")
        response = chat.ask("POST", f"{TEA}/messages/{said}/reactions", {**body, "nonce": "n"}, by=ben)

        assert refused(response) == (400, "bad_request")
        assert "body" in response.json["detail"]
        assert response.json["nonce"] == "n"


class TestSearch:
    def test_what_one_may_see_is_found_the_newest_first(self, chat: Inline, mod: Any, ben: Any) -> None:
        said = [say(chat, ben, f"green tea {number}") for number in range(3)]
        say(chat, ben, "coffee")
        first = chat.ask("GET", "/api/search?q=tea+green&limit=2", by=ben).json
        rest = chat.ask("GET", f"/api/search?q=tea&before={first['before']}&room=tea&author={ben.pk}", by=ben)

        assert [one["id"] for one in first["messages"]] == [said[2], said[1]]
        assert (first["more"], first["before"]) == (True, said[1])
        assert rest.json == {
            "messages": [next(row for row in log(chat, ben) if row["id"] == said[0])],
            "more": False,
        }
        assert chat.ask("GET", "/api/search?q=tea").json == {"messages": [], "more": False}
        assert chat.ask("GET", f"/api/search?q=tea&author={mod.pk}", by=ben).json["messages"] == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [("", "q"), ("q=", "q"), ("q=tea&room=NO", "room"), ("q=tea&limit=51", "limit"),
         ("q=tea&before=0", "before"), ("q=tea&author=", "author"), ("q=" + "x" * 300, "q"),
         ("q=tea&q=tea", "q")],
    )  # fmt: skip
    def test_what_is_wrong_is_named(self, chat: Inline, ben: Any, query: str, field: str) -> None:
        response = chat.ask("GET", f"/api/search?{query}", by=ben)

        assert refused(response) == (400, "bad_request")
        assert response.json["detail"].startswith(field)

    def test_a_room_that_one_may_not_see_is_none(self, chat: Inline, ben: Any) -> None:
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        hidden, missing = (
            chat.ask("GET", f"/api/search?q=tea&room={slug}", by=ben) for slug in ("den", "no")
        )

        assert refused(hidden) == (404, "not_found")
        assert hidden.body == missing.body
