"""The HTTP API's plain calls."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from rooms.messages import Code, Credential, Identity, Refused
from tests.support_bytes import Response
from tests.support_edge import ANA, COOKIE, Edge

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


def ids(response: Response) -> list[int]:
    assert response.status == 200, response.raw
    return [message["id"] for message in response.json["messages"]]


class TestHistory:
    def test_after_before_and_newest(self, edge: Edge) -> None:
        assert ids(edge.ask("GET", f"{ROOM}?after=2")) == [3, 4, 5]
        assert ids(edge.ask("GET", f"{ROOM}?after=2&limit=2")) == [3, 4]
        assert ids(edge.ask("GET", f"{ROOM}?before=3")) == [1, 2]
        assert ids(edge.ask("GET", f"{ROOM}?before=4&limit=1")) == [3]
        assert ids(edge.ask("GET", f"{ROOM}?limit=2")) == [4, 5]

    def test_the_cursor_to_use_next_is_told(self, edge: Edge) -> None:
        first = edge.ask("GET", f"{ROOM}?after=2&limit=2").json
        none = edge.ask("GET", f"{ROOM}?after=5").json
        nothing_before = edge.ask("GET", f"{ROOM}?before=1").json

        assert (first["last_id"], first["more"], first["epoch"], first["room"]) == (4, True, "one", "lobby")
        assert (none["last_id"], none["more"], none["messages"]) == (5, False, [])
        assert nothing_before["last_id"] == 1

    def test_an_empty_rooms_cursor_is_zero(self, edge: Edge) -> None:
        edge.chat.rows["empty"] = []

        assert edge.ask("GET", "/api/rooms/empty/messages").json["last_id"] == 0

    @pytest.mark.parametrize("query", ["after=6", "before=7", "after=1&epoch=other", "epoch=other", "epoch="])
    def test_what_cannot_be_resumed_is_reset(self, edge: Edge, query: str) -> None:
        response = edge.ask("GET", f"{ROOM}?{query}")

        assert (response.status, response.code) == (409, "reset")

    @pytest.mark.parametrize("query", ["after=5&epoch=one", "before=5", "epoch=one"])
    def test_what_can_is_not(self, edge: Edge, query: str) -> None:
        assert edge.ask("GET", f"{ROOM}?{query}").status == 200

    @pytest.mark.parametrize(
        "query", ["after=-1", "after=%D9%A5", "after=1e400", "limit=0", "after=1&after=2", "wait=1"]
    )
    def test_what_is_wrong_is_named(self, edge: Edge, query: str) -> None:
        response = edge.ask("GET", f"{ROOM}?{query}")

        assert (response.status, response.code) == (400, "bad_request")
        assert response.json["detail"].startswith(query.partition("=")[0])

    def test_a_refusal_of_the_log_is_the_answer(self, edge: Edge) -> None:
        edge.chat.refusals["lobby"] = Refused(Code.FORBIDDEN, "You are banned from this room.")

        assert edge.ask("GET", ROOM).code == "forbidden"

    def test_a_room_that_may_not_be_known_is_answered_like_one_that_is_not_there(self, edge: Edge) -> None:
        edge.chat.refusals["secret"] = Refused(Code.NOT_FOUND, "There is no such room.")
        hidden = edge.ask("GET", "/api/rooms/secret/messages", **COOKIE)

        assert hidden.body == edge.ask("GET", "/api/rooms/NO/messages", **COOKIE).body
        assert hidden.body == edge.ask("GET", "/api/nothing").body
        assert (hidden.status, hidden.code) == (404, "not_found")

    def test_a_database_that_does_not_answer_is_told_with_when_to_come_back(self, edge: Edge) -> None:
        edge.chat.down = True
        response = edge.ask("GET", ROOM)

        assert (response.status, response.code, response.headers["retry-after"]) == (503, "unavailable", "2")

    def test_what_breaks_is_logged_and_told_without_a_traceback(
        self, edge: Edge, caplog: pytest.LogCaptureFixture
    ) -> None:
        edge.chat.refusals["lobby"] = "not what a read returns"  # type: ignore[assignment]
        response = edge.ask("GET", ROOM)

        assert (response.status, response.code) == (500, "internal_error")
        assert b"Traceback" not in response.raw
        assert "AttributeError" in caplog.text

    def test_an_answer_for_someone_who_hung_up_is_dropped(
        self, edge: Edge, caplog: pytest.LogCaptureFixture
    ) -> None:
        edge.chat.reading = Deferred()
        connection = edge.connect()
        connection.ask("GET", ROOM)
        connection.hang_up()
        edge.chat.reading.callback(None)

        assert connection.value() == b""
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR]

    def test_answers_are_kept_by_nobody(self, edge: Edge) -> None:
        for response in (edge.ask("GET", ROOM), edge.ask("GET", f"{ROOM}?after=x")):
            assert response.headers["cache-control"] == "no-store"
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["server"] == "chat"


class TestRooms:
    def test_a_guest_is_told_the_rooms_and_no_user(self, edge: Edge) -> None:
        told = edge.ask("GET", "/api/rooms").json

        assert "user" not in told
        assert told["epoch"] == "one"
        assert [(room["room"], room["name"], room["topic"], room["last_id"]) for room in told["rooms"]] == [
            ("lobby", "Lobby", "", 5)
        ]

    def test_a_user_is_told_who_they_are(self, edge: Edge) -> None:
        for headers in (COOKIE, TOKEN):
            assert edge.ask("GET", "/api/rooms", **headers).json["user"] == {"id": 3, "name": "ana"}


class TestPosting:
    def post(
        self, edge: Edge, method: str = "POST", path: str = ROOM, body: Any = None, **headers: Any
    ) -> Response:
        connection = edge.connect()
        data = json.dumps({"body": "hello", "nonce": "n"} if body is None else body).encode()
        connection.ask(method, path, data, **{"Content-Type": "application/json", **(headers or TOKEN)})
        if edge.chat.drafts:
            assert connection.value() == b"", "answered before the commit"
            edge.publish()
        return connection.response()

    def test_a_new_message_is_201_and_the_message_as_everybody_gets_it(self, edge: Edge) -> None:
        response = self.post(edge)

        assert (response.status, response.json["body"], response.json["nonce"]) == (201, "hello", "n")
        assert response.body in edge.ask("GET", f"{ROOM}?after=5").body

    def test_a_known_nonce_is_200(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("POST", ROOM, b'{"body":"x","nonce":"n"}', **TOKEN)
        (draft, sender), *_ = edge.chat.drafts
        from rooms.messages import Stored

        sender.settled([(draft, Stored(edge.chat.rows["lobby"][0], fresh=False))])

        assert (connection.response().status, connection.response().json["id"]) == (200, 1)

    def test_a_nonce_is_made_where_none_is_given(self, edge: Edge) -> None:
        assert len(self.post(edge, body={"body": "x"}).json["nonce"]) == 32

    def test_a_form_is_as_good(self, edge: Edge) -> None:
        connection = edge.connect()
        headers = {**TOKEN, "Content-Type": "application/x-www-form-urlencoded"}
        connection.ask("POST", ROOM, b"body=h%C3%A9&nonce=n&reply_to=3", **headers)
        edge.publish()

        assert connection.response().json["body"] == "hé"
        assert connection.response().json["reply_to"] == 3

    def test_edits_and_redactions(self, edge: Edge) -> None:
        edited = self.post(edge, "PATCH", f"{ROOM}/2", {"body": "new", "nonce": "e"})
        redacted = self.post(edge, "DELETE", f"{ROOM}/2", {"reason": "spam"})

        assert (edited.status, edited.json["kind"], edited.json["target"]) == (200, "edit", 2)
        assert (redacted.status, redacted.json["kind"], redacted.json["body"]) == (200, "redaction", "spam")

    def test_a_redaction_needs_no_body(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("DELETE", f"{ROOM}/2", **TOKEN)
        edge.publish()

        assert connection.response().status == 200

    def test_a_guest_is_not_authenticated(self, edge: Edge) -> None:
        response = self.post(edge, X_Nothing="1")

        assert (response.status, response.code) == (401, "not_authenticated")
        assert response.headers["www-authenticate"] == "Bearer"
        assert edge.chat.drafts == []

    @pytest.mark.parametrize(
        ("code", "status"),
        [
            (Code.FORBIDDEN, 403),
            (Code.NOT_FOUND, 404),
            (Code.NONCE_CONFLICT, 409),
            (Code.REDACTED, 409),
            (Code.UNAVAILABLE, 503),
        ],
    )
    def test_what_the_log_refuses_is_refused_with_the_nonce(
        self, edge: Edge, code: Code, status: int
    ) -> None:
        connection = edge.connect()
        connection.ask("POST", ROOM, b'{"body":"x","nonce":"abc"}', **TOKEN)
        edge.chat.refuse(code)
        response = connection.response()

        assert (response.status, response.code, response.json["nonce"]) == (status, code, "abc")

    def test_a_nonce_that_the_server_made_is_told_where_the_outcome_is_unknown(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("POST", ROOM, b'{"body":"x"}', **TOKEN)
        nonce = edge.chat.drafts[0][0].nonce
        edge.chat.refuse(Code.UNAVAILABLE)

        assert connection.response().json["nonce"] == nonce
        assert "retry-after" in connection.response().headers

    def test_a_full_queue_is_503_with_the_nonce(self, edge: Edge) -> None:
        connection = edge.connect()

        async def full(draft: Any) -> Any:
            from realtime.errors import Unavailable

            raise Unavailable

        edge.chat.post = full  # type: ignore[method-assign]
        edge.calls._posting = edge.chat
        connection.ask("POST", ROOM, b'{"body":"x","nonce":"abc"}', **TOKEN)

        assert (connection.response().status, connection.response().json["nonce"]) == (503, "abc")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"body": 7}, "body"),
            ({"body": "x" * 101}, "body"),
            ({"body": "x\0"}, "body"),
            ({"body": ""}, "body"),
            ({}, "body"),
            ([], "object"),
            ({"body": "x", "nonce": "?"}, "nonce"),
            ({"body": "x", "reply_to": "1"}, "reply_to"),
        ],
    )
    def test_a_bad_body_is_400_and_names_the_field(self, edge: Edge, body: Any, field: str) -> None:
        response = self.post(edge, body=body)

        assert (response.status, response.code) == (400, "bad_request")
        assert field in response.json["detail"]
        assert edge.chat.drafts == []

    def test_nesting_without_end_is_400(self, edge: Edge) -> None:
        response = edge.ask("POST", ROOM, b'{"body":"x","y":' + b"[" * 60_000, **TOKEN)

        assert (response.status, response.code) == (400, "bad_request")

    def test_an_id_out_of_all_bounds_is_not_found(self, edge: Edge) -> None:
        for number in ("0x1", "9" * 25, "-1", "%D9%A5", "%FF"):
            assert edge.ask("DELETE", f"{ROOM}/{number}", **TOKEN).status == 404
        for number in ("0", str(2**63)):
            assert edge.ask("DELETE", f"{ROOM}/{number}", **TOKEN).status == 404


class TestMethods:
    def test_what_a_path_does_not_have_is_405_and_says_what_it_has(self, edge: Edge) -> None:
        response = edge.ask("PUT", ROOM, **TOKEN)

        assert (response.status, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")

    def test_options(self, edge: Edge) -> None:
        response = edge.ask("OPTIONS", f"{ROOM}/1")

        assert (response.status, response.headers["allow"], response.body) == (
            204,
            "DELETE, OPTIONS, PATCH",
            b"",
        )

    def test_head_is_get_without_the_body(self, edge: Edge) -> None:
        whole, head = edge.ask("GET", ROOM), edge.ask("HEAD", ROOM)

        assert head.body == b""
        assert (head.status, head.headers["content-length"]) == (200, str(len(whole.body)))


class TestHealth:
    def test_alive_asks_nothing(self, edge: Edge) -> None:
        edge.chat.down = True

        assert edge.ask("GET", "/healthz", Host="10.0.0.1").status == 200

    def test_ready_asks_the_database(self, edge: Edge) -> None:
        assert edge.ask("GET", "/readyz", Host="10.0.0.1").status == 200
        edge.chat.down = True
        assert edge.ask("GET", "/readyz").status == 503

    def test_a_server_that_stops_is_not_ready(self, edge: Edge) -> None:
        edge.departure.begin()

        assert edge.ask("GET", "/readyz").status == 503


def test_credentials_say_nothing_of_themselves() -> None:
    assert "ana-session" not in repr(ANA)
    assert "x" not in repr(Credential(token_digest="xxx")).removeprefix("Credential(token")
