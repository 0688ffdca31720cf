"""The HTTP API's calls about rooms and who belongs to them, through the whole service and a real database."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection

from rooms.models import ChatRoom, Membership
from tests.support_bytes import Response
from tests.support_inline import Inline
from tests.support_rooms import person, room

pytestmark = pytest.mark.databases

TEA = "/api/rooms/tea"


def refused(response: Response) -> tuple[int, str]:
    return response.status, response.code


def events(chat: Inline, by: Any, path: str = TEA) -> list[dict[str, Any]]:
    messages = chat.ask("GET", f"{path}/messages", by=by).json["messages"]
    return [message["notice"] for message in messages if message["kind"] == "notice"]


class TestARoom:
    def test_it_is_made_and_owned(self, chat: Inline, ana: Any) -> None:
        made = chat.ask("POST", "/api/rooms", {"name": " Tea  time ", "topic": "Leaves"}, by=ana)
        told = made.json

        assert (made.status, told["room"], told["name"], told["topic"]) == (
            201, "tea-time", "Tea time", "Leaves",
        )  # fmt: skip
        assert (told["visibility"], told["role"], told["manage"]) == ("public", "owner", True)
        assert told == chat.ask("GET", "/api/rooms/tea-time", by=ana).json

    def test_an_address_is_given_once(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        assert refused(chat.ask("POST", "/api/rooms", {"name": "x", "room": "tea"}, by=ana)) == (409, "taken")

    def test_all_of_it_is_told_to_a_member(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        told = chat.ask("GET", TEA, by=ana).json

        assert told == {
            "room": "tea", "name": "Tea", "topic": "", "last_id": 0, "visibility": "public",
            "archived": False, "read_only": False, "open_to_guests": False, "slow_mode": 0, "post": True,
            "moderate": True, "manage": True, "role": "owner", "unread": 0, "mentions": 0,
        }  # fmt: skip

    def test_a_guest_is_told_nothing_of_their_own(self, chat: Inline) -> None:
        room("open", open_to_guests=True)
        told = chat.ask("GET", "/api/rooms").json

        assert "user" not in told
        assert [sorted(one) for one in told["rooms"]] == [
            sorted(
                ["room", "name", "topic", "last_id", "visibility", "archived", "read_only", "open_to_guests",
                 "slow_mode", "post", "moderate", "manage"]
            )
        ]  # fmt: skip
        assert chat.ask("GET", "/api/rooms/open").json == told["rooms"][0]

    def test_a_moderators_mute_is_told_with_its_end(
        self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom
    ) -> None:
        chat.ask("PUT", f"{TEA}/mutes/{ben.pk}", {}, by=ana)
        for_good = chat.ask("GET", TEA, by=ben).json
        chat.ask("PUT", f"{TEA}/mutes/{ben.pk}", {"minutes": 5}, by=ana)
        for_a_while = chat.ask("GET", TEA, by=ben).json

        assert (for_good["muted_until"], for_good["post"]) == ("", False)
        assert for_a_while["muted_until"].endswith("Z")

    def test_several_things_are_changed_and_each_is_told(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        changed = chat.ask(
            "PATCH", TEA, {"name": "Coffee", "topic": "Beans", "slow_mode": 5, "read_only": True}, by=ana
        )

        assert changed.status == 200
        assert (changed.json["name"], changed.json["topic"], changed.json["slow_mode"]) == (
            "Coffee", "Beans", 5,
        )  # fmt: skip
        assert events(chat, ana) == [
            {"event": "renamed", "value": "Coffee"},
            {"event": "topic", "value": "Beans"},
            {"event": "read_only", "value": True},
            {"event": "slow_mode", "value": 5},
        ]

    def test_where_one_change_is_refused_none_is_made(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        response = chat.ask("PATCH", TEA, {"name": "Coffee", "slow_mode": -1}, by=ana)

        assert refused(response) == (400, "bad_request")
        assert response.json["detail"].startswith("slow_mode: ")
        assert (chat.ask("GET", TEA, by=ana).json["name"], events(chat, ana)) == ("Tea", [])

    def test_no_change_is_no_request(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        for body in ({}, {"colour": "red"}, None):
            response = chat.ask("PATCH", TEA, body, by=ana)
            assert refused(response) == (400, "bad_request")
            assert "keep_days" in response.json["detail"]

    def test_days_to_keep_may_be_taken_back_by_null(self, chat: Inline, tea: ChatRoom) -> None:
        staff = person("staff", is_staff=True)
        for days in (7, None):
            assert chat.ask("PATCH", TEA, {"keep_days": days}, by=staff).status == 200
            tea.refresh_from_db()
            assert tea.keep_days == days

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"name": 7}, "name"),
            ({"name": ""}, "name"),
            ({"name": "x\0"}, "name"),
            ({"archived": "yes"}, "archived"),
            ({"slow_mode": 1.5}, "slow_mode"),
            ({"slow_mode": 10**30}, "slow_mode"),
            ({"topic": None}, "topic"),
            ([], "object"),
        ],
    )
    def test_what_is_wrong_is_named(
        self, chat: Inline, ana: Any, tea: ChatRoom, body: Any, field: str
    ) -> None:
        response = chat.ask("PATCH", TEA, body, by=ana)

        assert refused(response) == (400, "bad_request")
        assert field in response.json["detail"]

    @pytest.mark.parametrize("body", [b"{", b"\xff", b'{"name":' + b"[" * 60_000])
    def test_what_is_no_json_is_refused(self, chat: Inline, ana: Any, tea: ChatRoom, body: bytes) -> None:
        assert refused(chat.ask("PATCH", TEA, body, by=ana)) == (400, "bad_request")

    def test_a_form_is_for_messages_alone(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        response = chat.ask("PATCH", TEA, b"name=x", by=ana, **form)

        assert refused(response) == (400, "bad_request")
        assert response.json["detail"].startswith("Content-Type")

    def test_more_than_is_taken_is_too_large(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        assert chat.ask("PATCH", TEA, b" " * 70_000, by=ana).status == 413

    def test_who_may_not_is_told_so(self, chat: Inline, ben: Any, tea: ChatRoom) -> None:
        assert refused(chat.ask("PATCH", TEA, {"name": "x"}, by=ben)) == (403, "forbidden")
        assert refused(chat.ask("PATCH", TEA, {"name": "x"})) == (401, "not_authenticated")

    def test_a_database_that_breaks_off_leaves_nothing_half_done(
        self, chat: Inline, ana: Any, tea: ChatRoom
    ) -> None:
        def breaks(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
            if sql.startswith("INSERT") and "rooms_message" in sql:
                raise OperationalError("gone")
            return execute(sql, params, many, context)

        chat.ask("GET", TEA, by=ana)
        with connection.execute_wrapper(breaks):
            response = chat.ask("PATCH", TEA, {"name": "Coffee"}, by=ana)

        assert (refused(response), response.headers["retry-after"]) == ((503, "unavailable"), "2")
        assert chat.ask("GET", TEA, by=ana).json["name"] == "Tea"


class TestMembers:
    def test_people_come_and_go_by_themselves(self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom) -> None:
        joined = chat.ask("PUT", f"{TEA}/members/me", by=ben)
        again = chat.ask("PUT", f"{TEA}/members/me", {"role": "member"}, by=ben)
        left = chat.ask("DELETE", f"{TEA}/members/me", by=ben)

        assert (joined.status, joined.json["role"]) == (200, "member")
        assert joined.json["user"] == {"id": ben.pk, "name": "ben"}
        assert again.json == joined.json
        assert (left.status, left.body) == (204, b"")
        assert [one["event"] for one in events(chat, ana)] == ["joined", "left"]

    def test_a_member_leaves_by_their_own_id_too(self, chat: Inline, ben: Any, tea: ChatRoom) -> None:
        chat.ask("PUT", f"{TEA}/members/me", by=ben)

        left = chat.ask("DELETE", f"{TEA}/members/{ben.pk}", by=ben)
        assert (left.status, "content-length" in left.headers) == (204, False)

    def test_an_owner_adds_raises_and_removes(self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom) -> None:
        path = f"{TEA}/members/{ben.pk}"
        added = chat.ask("PUT", path, by=ana).json["role"]
        raised = chat.ask("PUT", path, {"role": "moderator"}, by=ana).json["role"]

        assert (added, raised) == ("member", "moderator")
        assert chat.ask("DELETE", path, {"reason": "rude"}, by=ana).status == 204
        assert [one["event"] for one in events(chat, ana)] == ["joined", "role", "removed"]

    def test_the_last_owner_neither_leaves_nor_becomes_less(
        self, chat: Inline, ana: Any, tea: ChatRoom
    ) -> None:
        assert refused(chat.ask("DELETE", f"{TEA}/members/me", by=ana)) == (403, "forbidden")
        less = chat.ask("PUT", f"{TEA}/members/me", {"role": "moderator"}, by=ana)
        assert refused(less) == (403, "forbidden")

    def test_they_are_listed_in_the_order_of_their_ids(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        people = [person(f"p{number}") for number in range(3)]
        Membership.objects.bulk_create([Membership(room=tea, user=one) for one in people])
        first = chat.ask("GET", f"{TEA}/members?limit=2", by=ana).json
        last = first["members"][-1]["user"]["id"]
        rest = chat.ask("GET", f"{TEA}/members?after={last}", by=ana).json

        assert [one["user"]["name"] for one in first["members"]] == ["ana", "p0"]
        assert [one["user"]["name"] for one in rest["members"]] == ["p1", "p2"]
        assert (first["more"], rest["more"]) == (True, False)
        assert first["members"][0].keys() == {"user", "role", "since"}

    @pytest.mark.parametrize("query", ["limit=0", "limit=201", "after=", "after=%00", "after=nobody"])
    def test_what_is_wrong_with_a_list_is_named(
        self, chat: Inline, ana: Any, tea: ChatRoom, query: str
    ) -> None:
        response = chat.ask("GET", f"{TEA}/members?{query}", by=ana)

        assert refused(response) == (400, "bad_request")
        assert response.json["detail"].startswith(query.partition("=")[0])

    @pytest.mark.parametrize(
        "key",
        ["999999", "nobody", "0", "-1", "9" * 200, "%F0%9F%8D%B5", "00000000-0000-0000-0000-000000000000"],
    )
    def test_a_person_that_cannot_be_is_not_found(
        self, chat: Inline, ana: Any, tea: ChatRoom, key: str
    ) -> None:
        for method, path in (
            ("PUT", f"members/{key}"), ("DELETE", f"members/{key}"), ("PUT", f"bans/{key}"),
            ("DELETE", f"mutes/{key}"),
        ):  # fmt: skip
            assert refused(chat.ask(method, f"{TEA}/{path}", by=ana)) == (404, "not_found"), path

    def test_a_person_of_no_possible_name_is_not_found(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        for key in ("%00", "a%2Fb", "%0a", "x" * 256):
            assert refused(chat.ask("PUT", f"{TEA}/members/{key}", by=ana)) == (404, "not_found")


class TestDirect:
    def test_two_people_have_one_room(self, chat: Inline, ana: Any, ben: Any) -> None:
        opened = chat.ask("POST", "/api/direct", {"user": ben.pk}, by=ana)
        again = chat.ask("POST", "/api/direct", {"user": ana.pk}, by=ben)

        assert (opened.status, again.status) == (201, 200)
        assert opened.json["room"] == again.json["room"]
        assert (opened.json["visibility"], opened.json["name"]) == ("direct", "ben")
        assert again.json["with"] == {"id": ana.pk, "name": "ana"}

    @pytest.mark.parametrize(
        ("user", "status"), [(None, 400), (1.5, 400), ("x\0", 400), ("", 400), (999_999, 404), (2**80, 404)]
    )
    def test_who_is_nobody_has_none(self, chat: Inline, ana: Any, user: Any, status: int) -> None:
        assert chat.ask("POST", "/api/direct", {"user": user}, by=ana).status == status


class TestOneself:
    def test_a_marker_moves_forward_alone(self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom) -> None:
        said = [chat.ask("POST", f"{TEA}/messages", {"body": f"{n}"}, by=ana).json["id"] for n in range(3)]
        chat.ask("PUT", f"{TEA}/members/me", by=ben)
        more = chat.ask("POST", f"{TEA}/messages", {"body": "@ben"}, by=ana).json["id"]
        before = chat.ask("GET", TEA, by=ben).json
        read = chat.ask("PUT", f"{TEA}/read", {"id": more}, by=ben)
        back = chat.ask("PUT", f"{TEA}/read", {"id": said[0]}, by=ben)

        assert (before["unread"], before["mentions"]) == (1, 1)
        assert (read.status, read.json) == (200, {"read": more, "unread": 0, "mentions": 0})
        assert back.json == read.json

    @pytest.mark.parametrize("body", [{}, {"id": "7"}, {"id": -1}, {"id": 2**63}])
    def test_a_marker_is_an_id(self, chat: Inline, ana: Any, tea: ChatRoom, body: Any) -> None:
        response = chat.ask("PUT", f"{TEA}/read", body, by=ana)

        assert refused(response) == (400, "bad_request")
        assert "id" in response.json["detail"]

    def test_a_room_is_quiet_for_one_alone(self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom) -> None:
        quiet = chat.ask("PUT", f"{TEA}/muted", {"muted": True}, by=ana)

        assert (quiet.status, quiet.json) == (200, {"muted": True})
        assert chat.ask("GET", TEA, by=ana).json["muted"] is True
        assert "muted" not in chat.ask("GET", TEA, by=ben).json
        assert events(chat, ana) == []
        assert chat.ask("PUT", f"{TEA}/muted", {"muted": False}, by=ana).json == {"muted": False}
        assert "muted" not in chat.ask("GET", TEA, by=ana).json


class TestInvitations:
    def test_a_link_lets_somebody_in_once(self, chat: Inline, ana: Any, ben: Any) -> None:
        den = chat.ask("POST", "/api/rooms", {"name": "Den", "private": True}, by=ana).json["room"]
        made = chat.ask("POST", f"/api/rooms/{den}/invitations", by=ana)
        listed = chat.ask("GET", f"/api/rooms/{den}/invitations", by=ana).json["invitations"]
        token = made.json["url"].rstrip("/").rpartition("/")[2]
        entered = chat.ask("POST", "/api/invitations", {"token": token}, by=ben)
        third = chat.ask("POST", "/api/invitations", {"token": token}, by=person("cat"))

        assert made.status == 201
        assert made.json["url"].startswith("http://localhost/")
        assert listed == [
            {"invitation": made.json["invitation"], "made_by": {"id": ana.pk, "name": "ana"},
             "expires_at": made.json["expires_at"], "uses": 1}
        ]  # fmt: skip
        assert (entered.status, entered.json["room"], entered.json["role"]) == (200, den, "member")
        assert refused(third) == (404, "not_found")

    def test_a_revoked_one_leads_nowhere(self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom) -> None:
        made = chat.ask("POST", f"{TEA}/invitations", {"seconds": 60, "uses": 5}, by=ana).json
        gone = chat.ask("DELETE", f"{TEA}/invitations/{made['invitation']}", by=ana)
        token = made["url"].rstrip("/").rpartition("/")[2]

        assert (made["uses"], gone.status) == (5, 204)
        assert chat.ask("DELETE", f"{TEA}/invitations/{made['invitation']}", by=ana).status == 404
        assert chat.ask("POST", "/api/invitations", {"token": token}, by=ben).status == 404

    def test_they_are_for_moderators(self, chat: Inline, ben: Any, tea: ChatRoom) -> None:
        assert refused(chat.ask("GET", f"{TEA}/invitations", by=ben)) == (403, "forbidden")
        assert refused(chat.ask("POST", f"{TEA}/invitations", by=ben)) == (403, "forbidden")

    @pytest.mark.parametrize("body", [{"uses": 0}, {"uses": 1001}, {"seconds": 9**9}, {"seconds": "1"}])
    def test_their_bounds(self, chat: Inline, ana: Any, tea: ChatRoom, body: Any) -> None:
        response = chat.ask("POST", f"{TEA}/invitations", body, by=ana)

        assert refused(response) == (400, "bad_request")
        assert next(iter(body)) in response.json["detail"]
