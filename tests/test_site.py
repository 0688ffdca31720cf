"""Connections and the tree of resources: bounds, what is dropped, what is logged."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from twisted.internet.address import IPv4Address

from realtime import limits
from realtime.seats import Seats, origin_of
from realtime.target import in_origin_form
from tests.support_bytes import Connection
from tests.support_edge import COOKIE, Edge

LIMITS = limits.HttpLimits()
API = "/api/rooms/lobby/messages"


class Full(Connection):
    """A connection whose client takes nothing by itself: each write fills the buffer."""

    def write(self, data: bytes) -> None:
        super().write(data)
        self.producer.pauseProducing()


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.post("lobby", "one")
    return edge


class TestBodies:
    def test_the_api_takes_64_kib(self, edge: Edge) -> None:
        body = b'{"body":"x","pad":"' + b"x" * (65_536 - 21) + b'"}'
        assert len(body) == 65_536

        assert edge.ask("POST", API, body).status == 401

    def test_and_not_a_byte_more(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("POST", API, b"x" * 65_537)

        assert (connection.response().status, connection.response().code) == (413, "too_large")
        assert connection.half_closed

    def test_a_length_that_is_too_long_is_refused_before_it_comes(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("POST", API, Content_Length="70000", Expect="100-continue")

        assert connection.response().code == "too_large"
        assert b"100 Continue" not in connection.value()

    def test_chunks_are_counted(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("POST", API, Transfer_Encoding="chunked")
        for _ in range(8):
            connection.tell(b"2000\r\n" + b"x" * 8192 + b"\r\n")
        assert connection.value() == b""
        connection.tell(b"1\r\nx\r\n0\r\n\r\n")

        assert connection.response().code == "too_large"

    def test_chunks_that_come_in_one_piece_with_the_one_too_many_are_thrown_away(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("POST", API, Transfer_Encoding="chunked")
        connection.tell(b"ea60\r\n" + b"x" * 60_000 + b"\r\n")
        connection.tell(b"1770\r\n" + b"x" * 6_000 + b"\r\na\r\n0123456789\r\na\r\n0123456789\r\n")

        assert connection.response().code == "too_large"
        assert not connection.closed

    def test_what_comes_after_the_refusal_is_thrown_away_and_then_the_connection_is_dropped(
        self, edge: Edge
    ) -> None:
        connection = edge.connect()
        connection.ask("POST", API, b"x" * 70_000)
        before = connection.value()
        connection.tell(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
        assert connection.value() == before
        assert not connection.closed
        edge.clock.advance(LIMITS.linger_s)

        assert connection.aborted
        assert edge.pages.asked == []
        assert edge.clock.getDelayedCalls() == []

    def test_pages_take_more_but_are_bounded_too(self, edge: Edge) -> None:
        assert edge.ask("POST", "/page", b"x" * 100_000).body == b"a page"
        assert edge.ask("POST", "/page", b"x" * 100_001).status == 413

    def test_a_form_for_a_page_is_left_to_django(self, edge: Edge) -> None:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        edge.ask("POST", "/page", b"not multipart at all", **headers)

        assert edge.pages.asked[0][2] == b"not multipart at all"


class TestRequests:
    def test_one_without_a_host_is_none(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.tell(b"GET / HTTP/1.1\r\n\r\n")
        assert (connection.response().status, connection.response().code) == (400, "bad_request")
        twice = edge.connect()
        twice.tell(b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")
        assert twice.response().status == 400
        older = edge.connect()
        older.tell(b"GET / HTTP/1.0\r\n\r\n")
        assert older.value().startswith(b"HTTP/1.0 200 ")

    def test_one_in_the_form_for_proxies_is_taken_for_the_host_that_it_names(self, edge: Edge) -> None:
        connection = edge.connect()
        for target in (b"http://chat.example:8000/page?a=http://b/", b"HTTPS://chat.example:8000"):
            connection.tell(b"GET " + target + b" HTTP/1.1\r\nHost: other\r\n\r\n")

        assert [(path, headers.getRawHeaders(b"host")) for _, path, _, headers in edge.pages.asked] == [
            (b"/page", [b"chat.example:8000"]),
            (b"/", [b"chat.example:8000"]),
        ]

    def test_with_its_query_and_no_other_host(self) -> None:
        asked = in_origin_form(b"http://chat.example/page?a=http://b/?c")
        assert asked == (b"/page?a=http://b/?c", b"chat.example")
        assert in_origin_form(b"http://chat.example?a=1") == (b"/?a=1", b"chat.example")

    def test_and_bounded_by_its_path(self, edge: Edge) -> None:
        assert edge.ask("POST", f"http://localhost{API}", b"x" * 65_537).status == 413
        assert b"one" in edge.ask("GET", f"http://localhost{API}").body

    @pytest.mark.parametrize("target", ["http://a@localhost/page", "http:///page", "ftp://localhost/page"])
    def test_what_names_no_host_of_the_web_is_nothing_that_is_there(self, target: str) -> None:
        assert in_origin_form(target.encode()) == (target.encode(), None)

    def test_what_is_asked_about_the_server_tells_no_version(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.tell(b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.response().headers["server"] == "chat"

    def test_a_request_must_be_whole_in_time_however_its_bytes_trickle(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.tell(b"GET / HTTP/1.1\r\n")
        for _ in range(int(LIMITS.receive_s) - 1):
            edge.clock.advance(1)
            connection.tell(b"X-A: b\r\n")
        before = connection.closed
        edge.clock.advance(1)

        assert (before, connection.closed) == (False, True)
        assert edge.pages.asked == []

    def test_also_its_body(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("POST", API, Content_Length="1000")
        for _ in range(int(LIMITS.receive_s)):
            edge.clock.advance(1)
            connection.tell(b"x")

        assert connection.closed

    def test_an_answer_may_take_longer(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("GET", f"{API}?after=1&wait=60")
        edge.clock.advance(59.9)
        edge.post("lobby", "two")

        assert connection.response().status == 200

    def test_each_request_of_a_connection_has_its_own_time(self, edge: Edge) -> None:
        connection = edge.connect()
        for _ in range(5):
            connection.ask("GET", "/")
            edge.clock.advance(40)

        assert not connection.closed
        assert len(edge.pages.asked) == 5

    def test_an_idle_connection_is_closed(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("GET", "/")
        edge.clock.advance(LIMITS.idle_s)

        assert connection.closed
        assert edge.clock.getDelayedCalls() == []

    def test_headers_are_bounded_in_number_and_size(self, edge: Edge) -> None:
        for headers in (b"X-A: b\r\n" * 101, b"X-A: " + b"b" * 17_000 + b"\r\n"):
            connection = edge.connect()
            connection.tell(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n")
            assert connection.response().code == "bad_request"
        assert edge.pages.asked == []

    def test_what_is_no_request_is_refused_as_everything_else_is(self, edge: Edge) -> None:
        for line in ("GET /api/rooms/lobby/messages?after=٥ HTTP/1.1", "nonsense", "GET  / HTTP/1.1"):
            connection = edge.connect()
            connection.tell(line.encode() + b"\r\nHost: localhost\r\n\r\n")
            assert connection.response().code == "bad_request", line

    def test_length_and_chunks_together_are_refused(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.ask("POST", "/", Content_Length="5", Transfer_Encoding="chunked")

        assert connection.response().status == 400

    def test_header_names_that_wsgi_cannot_tell_apart_are_dropped(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.tell(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX_Forwarded_Proto: https\r\nX-Forwarded-For: a\r\n"
            b"Last_One: x\r\n\r\n"
        )
        (_method, _path, _body, headers), *_ = edge.pages.asked

        assert headers.hasHeader(b"x-forwarded-for")
        assert not headers.hasHeader(b"x_forwarded_proto")
        assert not headers.hasHeader(b"last_one")

    def test_a_length_with_an_underscore_is_no_length(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.tell(b"GET / HTTP/1.1\r\nHost: localhost\r\nContent_Length: 5\r\n\r\n")

        assert connection.response().status == 200

    def test_pipelined_requests_are_answered_in_turn(self, edge: Edge) -> None:
        connection = edge.connect()
        connection.tell(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)

        assert connection.value().count(b"HTTP/1.1 200") == 3

    def test_and_no_further_than_their_answers_are_taken(self, edge: Edge) -> None:
        connection = edge.connect(Full())
        connection.tell(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        for answers in (1, 2, 3):
            assert connection.value().count(b"HTTP/1.1 200") == answers
            connection.producer.resumeProducing()

        assert connection.value().count(b"HTTP/1.1 200") == 3

    def test_one_that_takes_no_answer_is_closed_as_an_idle_one_is(self, edge: Edge) -> None:
        connection = edge.connect(Full())
        connection.tell(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        edge.clock.advance(LIMITS.idle_s)

        assert connection.closed
        assert connection.value().count(b"HTTP/1.1 200") == 1

    def test_one_that_takes_no_answer_is_closed_when_told_so(self, edge: Edge) -> None:
        connection = edge.connect(Full())
        connection.tell(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        for channel in tuple(edge.site.channels):
            channel.close_when_done()

        assert connection.closed

    def test_little_is_read_ahead_of_an_answer_also_where_the_client_does_not_take_it(
        self, edge: Edge
    ) -> None:
        connection = edge.connect()
        connection.ask("GET", "/api/rooms/lobby/events", **COOKIE)
        connection.producer.pauseProducing()
        connection.tell(b"x" * 10_000)
        assert connection.producerState == "producing"
        connection.tell(b"x" * 10_000)

        assert connection.producerState == "paused"


class TestConnections:
    def test_those_beyond_the_bound_hear_when_to_come_back_and_the_log_names_the_setting(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        edge = Edge(connections=2)
        first, _second = edge.connect(), edge.connect()
        for _ in range(3):
            answer = edge.ask("GET", "/healthz")
            assert (answer.status, answer.code) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) > 0
        assert caplog.text.count("CHAT_CONNECTIONS") == 1
        first.hang_up()

        assert edge.ask("GET", "/healthz").status == 200

    def test_one_that_is_too_many_is_closed_whether_it_asks_or_not(self) -> None:
        edge = Edge(connections=0, http=limits.HttpLimits(turned_away=2))
        silent, asking = edge.connect(), edge.connect()
        asking.tell(b"GET / HT")
        assert asking.value().startswith(b"HTTP/1.1 503")
        assert edge.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1)) is None
        edge.clock.advance(2)

        assert silent.closed
        assert asking.closed
        assert edge.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1)) is not None

    def test_an_address_has_its_own_bound(self, caplog: pytest.LogCaptureFixture) -> None:
        seats = Seats(100, per_address=2)
        one, other = IPv4Address("TCP", "192.0.2.1", 1), IPv4Address("TCP", "192.0.2.2", 1)
        taken = [seats.take(one), seats.take(one)]
        assert not seats.free(one)
        assert seats.free(other)
        assert "192.0.2.1" in caplog.text
        taken[0].leave()
        taken[0].leave()
        assert seats.free(one)
        seats.take(one)
        assert not seats.free(one)

    @pytest.mark.parametrize(
        ("host", "origin"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("127.0.0.1", ""),
            ("::1", ""),
            (None, ""),
        ],
    )
    def test_whom_an_address_counts_for(self, host: str | None, origin: str) -> None:
        assert origin_of(SimpleNamespace(host=host)) == origin

    def test_when_the_last_one_is_gone_it_is_told(self, edge: Edge) -> None:
        http, socket = edge.connect(), edge.socket()
        empty: list[None] = []
        edge.site.seats.empty().addCallback(empty.append)
        http.hang_up()
        assert not empty
        socket.connection.hang_up()

        assert empty == [None]

    def test_an_idle_one_is_closed_at_once_when_told_so(self, edge: Edge) -> None:
        idle, busy = edge.connect(), edge.connect()
        idle.ask("GET", "/healthz")
        busy.ask("GET", f"{API}?after=1&wait=30")
        for channel in tuple(edge.site.channels):
            channel.close_when_done()
        assert idle.closed
        assert not busy.closed
        edge.post("lobby", "two")

        assert busy.response().status == 200
        assert busy.closed

    def test_one_that_is_new_is_still_answered_when_the_server_goes(self, edge: Edge) -> None:
        asking, silent = edge.connect(), edge.connect()
        edge.site.departing = True
        for channel in tuple(edge.site.channels):
            channel.close_when_done()
        assert not silent.closed
        asking.ask("GET", "/healthz")
        assert asking.response().status == 200
        assert asking.closed
        edge.clock.advance(LIMITS.fresh_s)

        assert silent.closed


class TestTree:
    def test_what_is_nobody_elses_is_djangos(self, edge: Edge) -> None:
        for path in ("/", "/rooms/lobby/", "/apix", "/ws/", "/wsx", "/healthz/", "/static"):
            assert edge.ask("GET", path).body == b"a page", path
        assert edge.pages.asked[0][1] == b"/"

    def test_what_is_unknown_below_api_is_a_problem(self, edge: Edge) -> None:
        for path in ("/api/", "/api/rooms/", "/api/rooms/lobby/x", "/api/rooms/LOBBY/messages", "/api/x?y"):
            assert edge.ask("GET", path).code == "not_found", path


class TestAccessLog:
    def test_one_line_a_request_without_its_query_or_anything_like_a_token(
        self, edge: Edge, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "realtime.access")
        edge.ask("GET", "/first-admin/Zx9-abcdefghijklmnopqrstuvwxyz0123456789/?next=secret", **COOKIE)
        (line,) = [record.getMessage() for record in caplog.records if record.name == "realtime.access"]

        assert line.startswith("127.0.0.1 GET /first-admin/Zx9-…/: 200, 6 bytes, ")

    def test_nothing_sent_in_can_forge_a_line(self, edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "realtime.access")
        edge.ask("GET", "/a%0d%0aINFO%20forged")

        assert "\n" not in next(r.getMessage() for r in caplog.records if r.name == "realtime.access")


def test_a_connection_that_is_lost_in_the_middle_leaves_no_timer(edge: Edge) -> None:
    connection: Connection = edge.connect()
    connection.tell(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc")
    connection.hang_up()

    assert edge.clock.getDelayedCalls() == []
