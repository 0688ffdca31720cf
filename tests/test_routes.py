"""All calls of the API alike: who is let in, by which methods, and what their paths name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from realtime.transports.http import PARTS, Api, Call, Route
from rooms.actions import Leave, Remove, SetRole
from rooms.messages import Credential
from tests.support_edge import ANA, COOKIE, CSRF, Edge

PROTOCOL = (Path(__file__).resolve().parent.parent / "docs/protocol.md").read_text(encoding="utf-8")
MODERATES = "/api/rooms/lobby/members/"


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.post("lobby", "one")
    edge.chat.identities[Credential.of_token("t")] = ANA
    return edge


def routes() -> list[Route]:
    root: Any = Edge().site.resource
    api: Api = dict(root._parts)[b"/api/"]
    return list(api._routes)


ROUTES = routes()
UNSAFE = [(method, route.path) for route in ROUTES for method in sorted(route.methods) if method != "GET"]


def filled(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda part: "lobby" if part[1] == "room" else "1", path)


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_a_cookie_needs_its_csrf_token(edge: Edge, method: str, path: str) -> None:
    response = edge.ask(method, filled(path), b"{}", **COOKIE)

    assert (response.status, response.code) == (403, "forbidden")
    assert edge.chat.performed == []
    assert edge.chat.drafts == []


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_a_foreign_page_is_refused(edge: Edge, method: str, path: str) -> None:
    response = edge.ask(method, filled(path), b"{}", **CSRF, Origin="https://evil.example")

    assert (response.status, response.code) == (403, "forbidden")
    assert edge.chat.performed == []


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_a_token_that_does_not_hold_is_refused(edge: Edge, method: str, path: str) -> None:
    response = edge.ask(method, filled(path), b"{}", Authorization="Bearer wrong")

    assert (response.status, response.code) == (401, "not_authenticated")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_each_path_says_what_it_has(edge: Edge, route: Route) -> None:
    heads = {"HEAD"} if "GET" in route.methods else set()
    allowed = ", ".join(sorted({*route.methods, "OPTIONS", *heads}))

    assert edge.ask("OPTIONS", filled(route.path)).headers["allow"] == allowed
    response = edge.ask("TRACE", filled(route.path))
    assert (response.status, response.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_each_call_is_in_the_protocol(route: Route) -> None:
    """By its last part at least: the page shortens paths."""
    tail = route.path.removeprefix("/api/rooms/{room}") or route.path
    for part in tail.strip("/").split("/"):
        assert part in PROTOCOL, route.path


@pytest.mark.parametrize("name", [name for name, pattern in PARTS.items() if "0-9]{1,19}" in pattern])
def test_numbers_in_paths_have_bounds(name: str) -> None:
    route = Route(f"/x/{{{name}}}", {})

    assert route.match("/x/7") == {name: "7"}
    assert route.match(f"/x/{2**63 - 1}") == {name: str(2**63 - 1)}
    for text in ("0", "00", str(2**63), "9" * 20, "-1", "+1", "٥", "", "1/"):
        assert route.match(f"/x/{text}") is None, text


def test_the_dots_of_a_path_are_its_own() -> None:
    assert Route("/api/rooms", {}).match("/api/rooms/") is None
    assert Route("/api/rooms/{room}", {}).match("/api/rooms/NO") is None


class TestPeople:
    UUID = "0b9c7f3e-3c2d-4f6e-9f55-0d6a3c1f2e4d"

    @pytest.mark.parametrize(("text", "key"), [("7", 7), (UUID, UUID), ("caf%C3%A9", "café"), ("٥", "٥")])
    def test_digits_are_a_number_all_else_is_text(self, edge: Edge, text: str, key: Any) -> None:
        from urllib.parse import quote

        edge.ask("DELETE", MODERATES + quote(text, safe="%"), b'{"reason":"r"}', Authorization="Bearer t")

        assert edge.chat.performed == [(3, Remove("lobby", key, "r"))]

    def test_me_is_who_asks(self, edge: Edge) -> None:
        for name in ("me", "3"):
            edge.ask("DELETE", MODERATES + name, Authorization="Bearer t")
            assert edge.chat.performed.pop() == (3, Leave("lobby"))
        edge.ask("PUT", MODERATES + "me", b'{"role":"moderator"}', Authorization="Bearer t")
        assert edge.chat.performed == [(3, SetRole("lobby", 3, "moderator"))]

    def test_a_guest_is_nobody(self, edge: Edge) -> None:
        exchange: Any = None
        call = Call(exchange, None, {"user": "3"})

        assert (call.reader, call.person, call.is_about_caller) == (None, 3, False)
        assert edge.ask("PUT", "/api/rooms/lobby/bans/me").code == "not_authenticated"
        assert edge.chat.performed == []


def test_a_database_that_does_not_answer_is_told(edge: Edge) -> None:
    edge.chat.down = True
    for method, path in UNSAFE:
        response = edge.ask(method, filled(path), b"{}", Authorization="Bearer t")
        assert (response.status, response.headers["retry-after"]) == (503, "2"), path
