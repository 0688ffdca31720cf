"""The door before all calls: Host, Origin, CSRF token, session, Bearer token."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import override_settings

from realtime.transports.doorkeeper import REMEMBERED
from rooms.messages import Credential, Identity
from tests.support_edge import COOKIE, CSRF, Edge

ROOM = "/api/rooms/lobby/messages"
TOKEN: dict[str, Any] = {"Authorization": "Bearer ana-token"}


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.post("lobby", *(f"text {n}" for n in range(1, 6)))
    edge.chat.identities[Credential.of_token("ana-token")] = Identity(
        3, "ana", Credential.of_token("ana-token")
    )
    return edge


class TestDoor:
    def test_a_bad_token_is_401_also_where_a_guest_would_do(self, edge: Edge) -> None:
        for value in ("Bearer wrong", "Bearer ", "Bearer", "Basic YTpi", "Token x", "Bearer \xff"):
            response = edge.ask("GET", ROOM, Authorization=value)
            assert (response.status, response.code) == (401, "not_authenticated"), value
            assert response.headers["www-authenticate"] == "Bearer"

    def test_a_session_that_does_not_hold_is_401(self, edge: Edge) -> None:
        assert edge.ask("GET", ROOM, Cookie="sessionid=gone").status == 401

    def test_a_session_is_found_by_the_sites_own_cookie_name(self, edge: Edge) -> None:
        with override_settings(SESSION_COOKIE_NAME="other"):
            assert "user" not in edge.ask("GET", "/api/rooms", **COOKIE).json
            assert "user" in edge.ask("GET", "/api/rooms", Cookie="other=ana-session").json

    def test_a_token_goes_over_a_cookie_and_needs_no_csrf_token(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("POST", ROOM, b'{"body":"x"}', **TOKEN, **COOKIE)

        assert len(edge.chat.drafts) == 1

    def test_a_cookie_needs_the_csrf_token(self, edge: Edge) -> None:
        wrong: dict[str, Any] = {**CSRF, "X_CSRFToken": "u" * 32}
        for headers in (COOKIE, wrong, {"Cookie": CSRF["Cookie"]}):
            response = edge.ask("POST", ROOM, b'{"body":"x"}', **headers)
            assert (response.status, response.code) == (403, "forbidden")
        connection = edge.connect()
        connection.ask("POST", ROOM, b'{"body":"x"}', **CSRF)
        assert len(edge.chat.drafts) == 1

    def test_a_foreign_origin_is_403_and_the_log_names_the_setting(
        self, edge: Edge, caplog: pytest.LogCaptureFixture
    ) -> None:
        for origin in (
            "https://evil.example",
            "null",
            "http://localhost.evil.example",
            "http://localhost:81",
        ):
            response = edge.ask("GET", ROOM, Origin=origin, **COOKIE)
            assert (response.status, response.code) == (403, "forbidden"), origin
        assert "CSRF_TRUSTED_ORIGINS" in caplog.text

    def test_the_sites_own_origin_and_trusted_ones_pass(self, edge: Edge) -> None:
        assert edge.ask("GET", ROOM, Origin="http://localhost").status == 200
        with override_settings(CSRF_TRUSTED_ORIGINS=["https://*.example.org"]):
            edge = Edge()
            edge.post("lobby")
            assert edge.ask("GET", ROOM, Origin="https://chat.example.org").status == 200

    def test_a_foreign_host_is_400_and_the_log_names_the_setting(
        self, edge: Edge, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = edge.ask("GET", ROOM, Host="evil.example")

        assert (response.status, response.code) == (400, "bad_request")
        assert "ALLOWED_HOSTS" in caplog.text

    def test_https_behind_a_proxy_is_what_django_takes_for_it(self, edge: Edge) -> None:
        headers: dict[str, Any] = {"Origin": "https://localhost", "X_Forwarded_Proto": "https"}

        assert edge.ask("GET", ROOM, **headers).status == 403
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            assert edge.ask("GET", ROOM, **headers).status == 200

    @pytest.mark.parametrize("header", ["X_Forwarded_Proto", "X_Scheme"])
    def test_who_came_by_https_opens_the_door_to_nobody_else(self, header: str) -> None:
        with override_settings(SECURE_PROXY_SSL_HEADER=(f"HTTP_{header.upper()}", "https")):
            edge = Edge()
            edge.post("lobby")
            secure: dict[str, Any] = {header: "https"}
            statuses = [
                edge.ask("GET", ROOM, Origin="https://localhost", **headers).status
                for headers in (secure, {}, secure, {header: "http"})
            ]

        assert statuses == [200, 403, 200, 403]

    def test_what_passed_once_lets_no_other_host_or_origin_pass(self, edge: Edge) -> None:
        asked = [("localhost", "http://localhost"), ("localhost", "http://evil.example")]
        asked += [("evil.example", "http://localhost"), ("evil.example", "http://evil.example")]
        for _ in range(2):
            statuses = [edge.ask("GET", ROOM, Host=host, Origin=origin).status for host, origin in asked]
            assert statuses == [200, 403, 400, 400]

    @override_settings(USE_X_FORWARDED_HOST=True)
    def test_also_where_a_proxy_tells_the_host(self, edge: Edge) -> None:
        for _ in range(2):
            assert edge.ask("GET", ROOM, X_Forwarded_Host="localhost").status == 200
            assert edge.ask("GET", ROOM, X_Forwarded_Host="evil.example").status == 400

    @override_settings(ALLOWED_HOSTS=["*"])
    def test_no_more_than_some_addresses_are_remembered(self) -> None:
        edge = Edge(connections=1000)
        edge.post("lobby")
        for number in range(REMEMBERED + 50):
            host = f"{number}.example"
            assert edge.ask("GET", ROOM, Host=host, Origin=f"http://{host}").status == 200

        assert edge.door._admit_host.cache_info().currsize == REMEMBERED
        assert edge.door._admit_origin.cache_info().currsize == REMEMBERED

    def test_a_header_given_twice_is_refused(self, edge: Edge) -> None:
        for line in (
            b"Host: localhost",
            b"Cookie: a=b",
            b"Origin: http://localhost",
            b"Authorization: Bearer x",
        ):
            connection = edge.connect()
            twice = line + b"\r\n" + line if not line.startswith(b"Host") else line
            connection.tell(b"GET /api/rooms HTTP/1.1\r\nHost: localhost\r\n" + twice + b"\r\n\r\n")
            assert connection.response().code == "bad_request", line

    def test_no_credential_is_ever_logged(self, edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        edge.ask("GET", f"{ROOM}?after=1&token=query-secret", **TOKEN)
        edge.ask("GET", ROOM, Cookie="sessionid=cookie-secret")

        for secret in ("ana-token", "cookie-secret", "query-secret"):
            assert secret not in caplog.text
