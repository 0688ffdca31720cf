"""Files, by the whole service: uploaded, sent with messages on every transport, and served."""

from __future__ import annotations

import io
import threading
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from rooms import log, uploading
from rooms.messages import Draft, Kind, Outcome
from rooms.models import Attachment, Ban, ChatRoom, LooseFile, Membership, Message
from tests.support_files import TEXT, forget_stored, picture, shown, stored, upload, uploaded
from tests.support_inline import Inline, counting
from tests.support_rooms import owned, room
from tests.test_order import OtherThread

pytestmark = pytest.mark.databases

WAIT_S = 30
MESSAGES = "/api/rooms/tea/messages"


@pytest.fixture
def tea(ana: Any) -> ChatRoom:
    return owned("tea", ana, visibility=ChatRoom.Visibility.PRIVATE)


def send(chat: Inline, by: Any, *keys: str, body: str = "", nonce: str = "n", **more: Any) -> Any:
    return chat.ask("POST", MESSAGES, {"body": body, "files": list(keys), "nonce": nonce, **more}, by=by)


def newest(chat: Inline, by: Any) -> Any:
    return chat.ask("GET", f"{MESSAGES}?limit=1", by=by).json["messages"][0]


class TestUploading:
    def test_a_picture_is_measured_and_a_text_is_kept(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        told = uploaded(chat, ana, picture("image/jpeg", (60, 20)), "C:\\me\\sun set.jpg")

        assert told == {
            "id": told["id"], "name": "sun set.jpg", "type": "image/jpeg", "size": told["size"],
            "width": 60, "height": 20, "url": f"/files/{told['id']}/sun%20set.jpg",
        }  # fmt: skip
        assert len(told["id"]) == 24
        note = uploaded(chat, ana, kind="text/plain; charset=utf-8")
        assert (note["type"], note["size"], "width" in note) == ("text/plain", len(TEXT), False)

    def test_who_may_not_post_may_not_upload(self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom) -> None:
        assert (upload(chat, None, TEXT).status, upload(chat, ben, TEXT).code) == (401, "not_found")
        Membership.objects.create(room=tea, user=ben)
        assert upload(chat, ben, TEXT).status == 201
        ChatRoom.objects.filter(pk=tea.pk).update(read_only=True)
        assert upload(chat, ben, TEXT).code == "forbidden"
        assert upload(chat, ana, TEXT, room="nowhere").code == "not_found"
        assert stored() == 1

    def test_what_is_not_taken_is_told(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        assert upload(chat, ana, b"").code == "unsupported_type"
        broken = upload(chat, ana, picture("image/jpeg")[:40], kind="image/jpeg")
        assert (broken.status, "cannot be read" in broken.json["detail"]) == (415, True)
        with override_settings(CHAT_UPLOAD_TYPES=["image/*"]):
            assert upload(chat, ana, b"<svg onload='x'/>", "x.svg", kind="image/svg+xml").status == 415
            assert upload(chat, ana, picture()).status == 201
        with override_settings(CHAT_UPLOADS=0):
            assert upload(chat, ana, picture()).code == "forbidden"
        assert stored() == 1

    @override_settings(CHAT_UPLOAD_MB_PER_DAY=1)
    def test_a_user_has_a_share_of_the_day(self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom) -> None:
        for _each in range(16):  # a small file counts for 64 KiB
            uploaded(chat, ana)
        refused = upload(chat, ana, TEXT)
        assert (refused.status, refused.code) == (429, "rate_limited")
        assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
        Membership.objects.create(room=tea, user=ben)
        uploaded(chat, ben)
        Attachment._base_manager.filter(uploader=ana).update(created_at=timezone.now() - timedelta(days=1))
        uploaded(chat, ana)

    @override_settings(CHAT_UPLOAD_MB_PER_DAY=1)
    def test_uploads_beside_one_another_have_one_share_together(
        self, chat: Inline, ana: Any, tea: ChatRoom
    ) -> None:
        for _each in range(15):
            uploaded(chat, ana)
        paths = [uploading.reserve(ana.pk, "tea", len(TEXT)) for _each in range(4)]
        together = threading.Barrier(len(paths), timeout=WAIT_S)
        told: list[str] = []

        def claim(path: str) -> None:
            ready = uploading.prepare(io.BytesIO(TEXT), "note.txt", "text/plain")
            together.wait()
            try:
                uploading.claim(ana.pk, "tea", path, ready)
            except log.Refusal as refused:
                told.append(refused.code)
            else:
                told.append("claimed")

        threads = [OtherThread(partial(claim, path)) for path in paths]
        for thread in threads:
            thread.join()
        assert sorted(told) == ["claimed", *["rate_limited"] * 3]
        assert (Attachment.objects.count(), LooseFile.objects.count()) == (16, 3)


class TestSending:
    def test_files_go_with_a_message_in_the_order_given(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        one, two = uploaded(chat, ana, picture(), "b.png"), uploaded(chat, ana)
        sent = send(chat, ana, two["id"], one["id"], body="look")

        assert (sent.status, sent.json["body"], sent.json["files"]) == (201, "look", [two, one])
        assert newest(chat, ana) == sent.json
        again = send(chat, ana, two["id"], one["id"], body="look")
        assert (again.status, again.body) == (200, sent.body)
        assert send(chat, ana, one["id"], body="look").code == "nonce_conflict"

    def test_without_a_text_it_says_the_names(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        one, two = uploaded(chat, ana, name="a @ana.txt"), uploaded(chat, ana, name="b.txt")
        sent = send(chat, ana, one["id"], two["id"], body="  ")

        assert (sent.json["body"], "mentions" in sent.json) == ("a @ana.txt, b.txt", False)
        assert send(chat, ana, one["id"], two["id"]).body == sent.body
        assert send(chat, ana).code == "bad_request"

    def test_a_file_is_in_one_message_of_its_uploader(
        self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom
    ) -> None:
        Membership.objects.create(room=tea, user=ben)
        mine, other = uploaded(chat, ana), uploaded(chat, ben)
        elsewhere = uploaded(chat, ana, room="lobby")
        send(chat, ana, mine["id"], nonce="first")
        refused = [
            send(chat, ana, key, nonce=f"n{at}")
            for at, key in enumerate((mine["id"], other["id"], elsewhere["id"], "x" * 24))
        ]
        assert {one.code for one in refused} == {"bad_request"}
        assert len({one.json["detail"] for one in refused}) == 1
        assert refused[0].json["detail"].startswith("files:")
        for keys in (["x"], [other["id"]] * 2, ["x" * 24] * 11):
            assert send(chat, ben, *keys).code == "bad_request"

    def test_two_writers_at_once_do_not_share_one(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        file = uploaded(chat, ana)
        together = threading.Barrier(4, timeout=WAIT_S)
        outcomes: list[Outcome] = []

        def write(at: int) -> None:
            together.wait()
            draft = Draft("tea", Kind.MESSAGE, ana.pk, f"n{at}", files=(file["id"],))
            outcomes.extend(log.append([draft]).outcomes)

        threads = [OtherThread(partial(write, at)) for at in range(4)]
        for thread in threads:
            thread.join()
        assert sorted(type(one).__name__ for one in outcomes) == ["Refused"] * 3 + ["Stored"]
        assert Message.objects.filter(files__isnull=False).count() == 1

    def test_two_of_one_commit_do_not_share_one(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        file = uploaded(chat, ana)
        socket = chat.socket(ana)
        for nonce in ("a", "b"):
            socket.send({"type": "send", "room": "tea", "body": "", "nonce": nonce, "files": [file["id"]]})
        chat.turns.settle()
        told = socket.told()

        assert sorted(frame["type"] for frame in told) == ["error", "sent"]
        assert newest(chat, ana)["nonce"] == "a"
        assert Attachment.objects.filter(message__isnull=False).count() == 1

    def test_all_transports_tell_the_same_bytes(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        socket = chat.socket(ana)
        chat.send(socket, type="join", room="tea")
        file = uploaded(chat, ana, picture("image/gif", frames=3), "moves.gif")
        [_sent, told] = sorted(
            chat.send(socket, type="send", room="tea", body="", nonce="n", files=[file["id"]]),
            key=lambda frame: frame["type"], reverse=True,
        )  # fmt: skip

        assert told["messages"][0]["files"] == [file]
        assert told["messages"][0] == newest(chat, ana)
        assert file["preview"] == f"/files/{file['id']}/preview/moves.gif"

    def test_by_a_form(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        one, two = uploaded(chat, ana), uploaded(chat, ana)
        body = f"body=&files={one['id']},{two['id']}".encode()
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert chat.ask("POST", MESSAGES, body, by=ana, **form).json["files"] == [one, two]

    def test_history_asks_nothing_more_for_them(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        log.post(tea, ana, "plain")
        newest(chat, ana)
        with counting() as plain:
            newest(chat, ana)
        send(chat, ana, uploaded(chat, ana)["id"])
        with counting() as with_files:
            assert "files" in newest(chat, ana)
        assert len(with_files) == len(plain)

    def test_a_send_without_files_asks_nothing_for_them(self, ana: Any, tea: ChatRoom) -> None:
        with counting() as statements:
            log.post(tea, ana, "plain")
        assert not any("attachment" in one for one in statements)

    def test_an_edit_leaves_them(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        file = uploaded(chat, ana)
        sent = send(chat, ana, file["id"]).json
        chat.ask("PATCH", f"{MESSAGES}/{sent['id']}", {"body": "said"}, by=ana)
        told = chat.ask("GET", f"{MESSAGES}?before={sent['id'] + 1}&limit=1", by=ana).json["messages"][0]
        assert (told["body"], told["files"]) == ("said", [file])

    def test_a_row_of_django_brings_none(self, ana: Any, tea: ChatRoom) -> None:
        with pytest.raises(TypeError, match="uploads"):
            Message(room=tea, author=ana, body="x", files=[{"id": "x"}]).save()


class TestServing:
    def test_whole_with_headers_that_run_nothing(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        page = uploaded(chat, ana, b"<script>alert(1)</script>", 'Löwe "1".html', kind="text/html")
        answer = chat.ask("GET", page["url"], by=ana)

        assert (answer.status, answer.body) == (200, b"<script>alert(1)</script>")
        expected = {
            "content-type": "application/octet-stream",
            "content-disposition": 'attachment; filename="L_we _1_.html"; '
            "filename*=UTF-8''L%C3%B6we%20%221%22.html",
            "content-security-policy": "sandbox; default-src 'none'",
            "x-content-type-options": "nosniff",
            "cross-origin-resource-policy": "same-origin",
            "cache-control": "private, no-cache",
            "content-length": "25",
        }
        assert {name: answer.headers[name] for name in expected} == expected

    def test_a_picture_is_shown_and_its_preview(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        file = uploaded(chat, ana, picture("image/png", (1500, 600)), "wide.png")
        whole, preview = (chat.ask("GET", file[name], by=ana) for name in ("url", "preview"))

        assert whole.headers["content-type"] == "image/png"
        assert whole.headers["content-disposition"].startswith("inline; ")
        assert (shown(whole.body).size, shown(preview.body).size) == ((1500, 600), (1024, 410))
        assert preview.headers["content-type"] == "image/webp"
        assert 'filename="wide.webp"' in preview.headers["content-disposition"]
        small = uploaded(chat, ana, picture())
        assert chat.ask("GET", f"/files/{small['id']}/preview/x", by=ana).status == 404

    def test_it_is_asked_for_anew_and_not_sent_anew(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        file = uploaded(chat, ana)
        tag = chat.ask("GET", file["url"], by=ana).headers["etag"]
        again = chat.ask("GET", file["url"], by=ana, If_None_Match=tag)
        assert (again.status, again.body, "content-length" in again.headers) == (304, b"", False)
        head = chat.ask("HEAD", file["url"], by=ana)
        assert (head.status, head.headers["content-length"], head.body) == (200, str(len(TEXT)), b"")

    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("bytes=0-2", (206, "bytes 0-2/9", b"one")),
            ("bytes=4-", (206, "bytes 4-8/9", b"line\n")),
            ("bytes=-5", (206, "bytes 4-8/9", b"line\n")),
            ("bytes=-50", (206, "bytes 0-8/9", TEXT)),
            ("bytes=4-99", (206, "bytes 4-8/9", b"line\n")),
            ("bytes=9-", (416, "bytes */9", b"")),
            ("bytes=-0", (416, "bytes */9", b"")),
            ("bytes=2-1", (200, None, TEXT)),
            ("bytes=-", (200, None, TEXT)),
            ("bytes=0-1,3-4", (200, None, TEXT)),
            ("lines=0-1", (200, None, TEXT)),
        ],
    )
    def test_a_range(
        self, chat: Inline, ana: Any, tea: ChatRoom, asked: str, expected: tuple[int, str | None, bytes]
    ) -> None:
        file = uploaded(chat, ana)
        answer = chat.ask("GET", file["url"], by=ana, Range=asked)
        assert (answer.status, answer.headers.get("content-range"), answer.body) == expected
        assert answer.headers["content-length"] == str(len(expected[2]))

    def test_a_range_of_what_is_another_by_now(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        file = uploaded(chat, ana)
        tag = chat.ask("GET", file["url"], by=ana).headers["etag"]
        assert chat.ask("GET", file["url"], by=ana, Range="bytes=0-0", If_Range=tag).status == 206
        assert chat.ask("GET", file["url"], by=ana, Range="bytes=0-0", If_Range='"x"').status == 200
        assert chat.ask("HEAD", file["url"], by=ana, Range="bytes=0-0").status == 200

    def test_only_its_uploader_gets_it_before_it_is_sent(
        self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom
    ) -> None:
        Membership.objects.create(room=tea, user=ben)
        file = uploaded(chat, ana)
        assert [chat.ask("GET", file["url"], by=who).status for who in (ana, ben, None)] == [200, 404, 404]
        send(chat, ana, file["id"])
        assert [chat.ask("GET", file["url"], by=who).status for who in (ana, ben, None)] == [200, 200, 404]

    def test_who_loses_the_room_loses_its_files(
        self, chat: Inline, ana: Any, ben: Any, tea: ChatRoom
    ) -> None:
        Membership.objects.create(room=tea, user=ben)
        file = uploaded(chat, ana)
        send(chat, ana, file["id"])
        missing = chat.ask("GET", f"/files/{'x' * 24}/note.txt", by=ben)
        assert chat.ask("GET", file["url"], by=ben).status == 200
        Ban.objects.create(room=tea, user=ben)
        answer = chat.ask("GET", file["url"], by=ben)
        assert (answer.status, answer.body) == (404, missing.body)

    def test_guests_where_the_room_is_open_to_them(self, chat: Inline, ana: Any) -> None:
        place = room("open", open_to_guests=True)
        file = uploaded(chat, ana, room="open")
        log.post(place, ana, "", files=[file["id"]])
        assert chat.ask("GET", file["url"]).status == 200
        place.open_to_guests = False
        place.save()
        assert chat.ask("GET", file["url"]).status == 404

    def test_after_a_redaction_nobody(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        file = uploaded(chat, ana, picture("image/gif", frames=2))
        sent = send(chat, ana, file["id"], body="x").json
        chat.ask("DELETE", f"{MESSAGES}/{sent['id']}", {}, by=ana)

        told = chat.ask("GET", f"{MESSAGES}?before={sent['id'] + 1}&limit=1", by=ana).json["messages"][0]
        assert (told["redacted"], "files" in told, "body" in told) == (True, False, False)
        assert [chat.ask("GET", file[name], by=ana).status for name in ("url", "preview")] == [404, 404]
        assert stored() == 2
        assert send(chat, ana, file["id"], body="x").json["id"] == sent["id"]

    def test_what_the_storage_lost_is_not_there(
        self, chat: Inline, ana: Any, tea: ChatRoom, caplog: pytest.LogCaptureFixture
    ) -> None:
        file = uploaded(chat, ana)
        forget_stored()
        assert chat.ask("GET", file["url"], by=ana).status == 404
        assert "not in the storage" in caplog.text


def test_what_failed_between_storage_and_database_is_known(
    chat: Inline, ana: Any, ben: Any, tea: ChatRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is banned while the bytes come has no file; the bytes are named by a loose file."""
    Membership.objects.create(room=tea, user=ben)
    store = uploading.store

    def banned_meanwhile(path: str, ready: uploading.Ready) -> None:
        store(path, ready)
        Ban.objects.create(room=tea, user=ben)

    monkeypatch.setattr(uploading, "store", banned_meanwhile)
    assert upload(chat, ben, TEXT).code == "not_found"
    assert (Attachment.objects.count(), LooseFile.objects.count(), stored()) == (0, 1, 1)
