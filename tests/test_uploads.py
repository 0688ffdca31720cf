"""What uploads and downloads may cost: bytes, time, places, and memory for those who take slowly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.web import http

from realtime.limits import FileLimits, HttpLimits, UploadLimits
from realtime.uploads import Uploads
from rooms.models import Attachment, ChatRoom
from tests.support_bytes import Connection
from tests.support_files import TEXT, forget_stored, stored, upload, uploaded
from tests.support_inline import Inline
from tests.support_rooms import owned

pytestmark = pytest.mark.databases

MEGABYTE = 1_048_576
PATH = "/api/rooms/tea/files?name=a.bin"
PIECE_BYTES = FileLimits().piece_bytes


@pytest.fixture
def chat() -> Iterator[Inline]:
    chat = Inline(upload_max_mb=1)
    yield chat
    chat.close()
    forget_stored()


@pytest.fixture
def tea(ana: Any) -> ChatRoom:
    return owned("tea", ana, visibility=ChatRoom.Visibility.PRIVATE)


def begun(
    chat: Inline,
    by: Any,
    length: int | None = MEGABYTE,
    path: str = PATH,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
) -> Connection:
    """Begin to send a body of so many bytes, or in chunks."""
    heard = chat.connect()
    told = {**(chat._token(by) if by else {}), **(headers or {})}
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: localhost",
        *(f"{name}: {value}" for name, value in told.items()),
    ]
    lines.append("Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}")
    heard.tell("\r\n".join([*lines, "", ""]).encode())
    chat.turns.settle()
    return heard


class TestBodies:
    def test_a_file_may_be_as_large_as_the_setting_says(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        data = b"\x01" * MEGABYTE
        file = uploaded(chat, ana, data, "a.bin")
        assert chat.ask("GET", file["url"], by=ana).body == data
        assert (upload(chat, ana, data + b"x").code, stored()) == ("too_large", 1)

    def test_in_chunks_it_is_counted_as_it_comes(self, chat: Inline, ana: Any) -> None:
        heard = begun(chat, ana, None)
        for _each in range(16):
            heard.tell(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        assert heard.value() == b""
        heard.tell(b"1\r\nx\r\n")
        assert (heard.response().status, heard.response().code) == (413, "too_large")

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("PUT", PATH),
            ("POST", "/api/rooms/tea/messages"),
            ("POST", "/api/rooms/tea/files/x"),
            ("POST", "/api/rooms/TEA/files"),
        ],
    )
    def test_no_other_call_takes_so_much(self, chat: Inline, ana: Any, method: str, path: str) -> None:
        assert begun(chat, ana, 65_537, path, method).response().status == 413

    @pytest.mark.parametrize("sent", [b"", b"\x01" * 1000, b"\x01" * 100_000])
    def test_one_that_cannot_be_kept_is_told(
        self,
        chat: Inline,
        ana: Any,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        sent: bytes,
    ) -> None:
        """Whether no file can be made, the last bytes do not fit, or those before."""

        def on_a_full_disk(_length: int | None) -> Any:
            if not sent:
                raise FileNotFoundError(2, "No usable temporary directory found")
            return Path("/dev/full").open("r+b")

        monkeypatch.setattr(http, "_getContentFile", on_a_full_disk)
        heard = begun(chat, ana, None)
        if sent:
            heard.tell(b"%x\r\n%b\r\n0\r\n\r\n" % (len(sent), sent))

        refused = heard.response()
        assert (refused.status, refused.code, "retry-after" in refused.headers) == (503, "unavailable", True)
        assert "What is uploaded cannot be kept in TMPDIR: No " in caplog.text
        monkeypatch.undo()
        assert begun(chat, ana).value() == b""

    def test_a_site_without_files_takes_no_more_than_elsewhere(self, ana: Any, tea: ChatRoom) -> None:
        chat = Inline(uploads=0)
        assert begun(chat, ana, 65_537).response().status == 413
        chat.close()


class TestTime:
    def test_a_body_has_time_by_its_length(self, chat: Inline, ana: Any) -> None:
        heard = begun(chat, ana)
        for _step in range(9):
            chat.turns.advance(10)
            heard.tell(b"x")
        assert not heard.closed
        chat.turns.advance(10)
        assert heard.closed

    def test_it_has_a_place_until_it_is_answered(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        at_once = UploadLimits().at_once
        heard = [begun(chat, ana) for _each in range(at_once)]
        refused = begun(chat, ana).response()
        assert (refused.status, refused.code, "retry-after" in refused.headers) == (503, "unavailable", True)
        heard[0].hang_up()
        for _each in range(2):
            assert upload(chat, ana, TEXT).status == 201
        begun(chat, ana, 2 * MEGABYTE)
        assert begun(chat, ana).value() == b""
        assert begun(chat, ana).response().status == 503


def test_who_is_nobody_keeps_no_place(chat: Inline, ana: Any, tea: ChatRoom) -> None:
    for headers in ({}, {"Authorization": "Bearer nobody's"}, {"Cookie": "sessionid=nobodys"}):
        for _each in range(UploadLimits().at_once + 1):
            refused = begun(chat, None, headers=headers).response()
            assert (refused.status, refused.code) == (401, "not_authenticated")
    assert upload(chat, ana, TEXT).status == 201


@pytest.mark.parametrize("next_begins", [False, True])
def test_what_was_answered_meanwhile_is_not_refused(
    chat: Inline, ana: Any, tea: ChatRoom, monkeypatch: pytest.MonkeyPatch, *, next_begins: bool
) -> None:
    answers: list[Deferred[None]] = []

    async def known(_request: Any) -> Any:
        answers.append(Deferred())
        await answers[-1]

    monkeypatch.setattr(chat.service.site.uploads, "known", known)
    heard = begun(chat, ana, len(TEXT))
    heard.tell(TEXT)
    if next_begins:
        chat.turns.settle()
        told = "".join(f"{name}: {value}\r\n" for name, value in chat._token(ana).items())
        heard.tell(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n{told}Content-Length: 9\r\n\r\n".encode())
    answers[0].callback(None)
    chat.turns.settle()
    assert heard.value().count(b"HTTP/1.1 201") == 1
    assert b"HTTP/1.1 401" not in heard.value()


async def nobody(_request: Any) -> None:
    """Know nobody."""


def test_an_address_has_a_part_of_the_places() -> None:
    limits = UploadLimits(at_once=3, at_once_of_address=2)
    uploads = Uploads(limits, MEGABYTE, by_address=True, known=nobody)
    near, far, here = (IPv4Address("TCP", host, 1) for host in ("192.0.2.1", "192.0.2.2", "127.0.0.1"))
    leave = uploads.take(near)
    assert leave is not None
    assert uploads.take(near) is not None
    assert uploads.take(near) is None
    assert uploads.take(far) is not None
    assert uploads.take(here) is None
    leave()
    leave()
    assert uploads.take(here) is not None
    assert uploads.take(here) is None
    behind_proxy = Uploads(limits, MEGABYTE, by_address=False, known=nobody)
    assert all(behind_proxy.take(near) for _each in range(3))


def test_too_many_that_wait_to_be_verified_are_told(chat: Inline, ana: Any, tea: ChatRoom) -> None:
    chat.service.files._under_way = FileLimits().uploads
    refused = upload(chat, ana, TEXT)
    assert (refused.code, "retry-after" in refused.headers, stored()) == ("unavailable", True, 0)


class Slow(Connection):
    """A connection that is full with the first piece."""

    def write(self, data: bytes) -> None:
        full = len(self.value()) < PIECE_BYTES <= len(self.value()) + len(data)
        super().write(data)
        if full:
            self.protocol.pauseProducing()


class TestDownloads:
    @pytest.fixture
    def under_way(self, chat: Inline, ana: Any, tea: ChatRoom) -> Connection:
        """Return a connection that takes no more than the first of ten pieces."""
        file = uploaded(chat, ana, b"\x01" * 10 * PIECE_BYTES, "a.bin")
        heard: Connection = Slow()
        heard.protocol = chat.service.site.buildProtocol(IPv4Address("TCP", "127.0.0.1", 4444))
        heard.protocol.makeConnection(heard)
        heard.ask("GET", file["url"], b"", **chat._token(ana))
        chat.turns.settle()
        return heard

    def test_no_more_is_read_than_is_taken(self, chat: Inline, under_way: Connection) -> None:
        assert PIECE_BYTES < len(under_way.value()) < 2 * PIECE_BYTES
        under_way.protocol.resumeProducing()
        chat.turns.settle()
        assert len(under_way.response().body) == 10 * PIECE_BYTES
        assert not downloads(chat)._under_way

    def test_who_takes_nothing_is_given_up(self, chat: Inline, under_way: Connection) -> None:
        under_way.dataBuffer = b"what waits"
        for _quarter in range(5):
            chat.turns.advance(HttpLimits().stall_s / 4)
        chat.turns.settle()
        assert under_way.aborted
        assert not downloads(chat)._under_way

    def test_who_takes_next_to_nothing_is_given_up(self, chat: Inline, under_way: Connection) -> None:
        under_way.dataBuffer = b"what waits"
        for _step in range(int(FileLimits().piece_s / 30)):
            assert not under_way.closed
            chat.turns.advance(30)
            under_way.offset += 1
        chat.turns.settle()
        assert under_way.aborted
        assert not downloads(chat)._under_way

    def test_who_hangs_up_is_read_for_no_more(self, chat: Inline, under_way: Connection) -> None:
        under_way.hang_up()
        chat.turns.settle()
        assert not downloads(chat)._under_way

    def test_a_file_cut_short_closes_the_connection(
        self, chat: Inline, ana: Any, tea: ChatRoom, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = uploaded(chat, ana)
        Attachment._base_manager.update(size=99)
        heard = chat.begin("GET", file["url"], by=ana)
        assert heard.closed
        assert "shorter" in caplog.text

    def test_too_many_at_once_come_back(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        file = uploaded(chat, ana)
        downloads(chat)._under_way = FileLimits().downloads
        refused = chat.ask("GET", file["url"], by=ana)
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")


def downloads(chat: Inline) -> Any:
    root: Any = chat.service.site.resource
    endpoint: Any = dict(root._parts)[b"/files/"]._routes[0].methods["GET"]
    return endpoint.__self__


def test_a_stop_leaves_no_upload_waiting(chat: Inline, ana: Any, tea: ChatRoom) -> None:
    for pool in (chat.service._pools.preparing, chat.service._pools.carrying):
        pool.stop()
    assert upload(chat, ana, TEXT).code == "unavailable"
    assert chat.service.files._under_way == 0
