"""How files go: withheld by a redaction, then purged, pruned with their message, or never sent at all."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from rooms import filekeeping, log, purging, retention
from rooms.acting import perform
from rooms.actions import Purge, RedactAllOf
from rooms.messages import Draft, Kind, Posted, Stored
from rooms.models import Attachment, AuditEntry, ChatRoom, LooseFile, Message, WithheldText
from tests.support_files import TEXT, picture, stored, upload, uploaded
from tests.support_inline import Inline, counting
from tests.support_rooms import person, redaction

pytestmark = pytest.mark.databases


def say(chat: Inline, tea: ChatRoom, by: Any, data: bytes = TEXT) -> Posted:
    return log.post(tea, by, "look", files=[uploaded(chat, by, data)["id"]])


def message(posted: Posted) -> Message:
    return Message.objects.get(pk=posted.id)


def aged(model: Any, field: str = "created_at", **ago: Any) -> None:
    """Make rows older than they are, which nothing but a test does."""
    model._base_manager.update(**{field: timezone.now() - timedelta(**ago)})


def swept() -> tuple[int, int]:
    steps = list(filekeeping.sweep())
    return sum(one.unsent for one in steps), sum(one.loose for one in steps)


def rows() -> tuple[int, int, int]:
    """Return how many files have a row, have none any more, and have bytes."""
    return Attachment.objects.count(), LooseFile.objects.count(), stored()


class TestRedaction:
    def test_it_withholds_and_a_purge_removes_for_good(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        said, kept = say(chat, tea, ana, picture("image/gif", frames=2)), say(chat, tea, ana)
        redacted = log.redact(message(said), ana)

        assert message(said).files is None
        assert Attachment.objects.get(message=said.id).withheld_by == redacted.id
        assert rows() == (2, 0, 3)
        perform(None, Purge("tea", said.id), trusted=True)
        assert rows() == (1, 0, 1)
        assert AuditEntry.objects.latest("id").details == {"texts": 1, "files": 1}
        assert Attachment.objects.get().message_id == kept.id

    def test_of_all_of_an_author(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        for _each in range(3):
            say(chat, tea, ana)
        perform(ana.pk, RedactAllOf("tea", ana.pk))
        assert not Attachment.objects.filter(withheld_by__isnull=True).exists()
        pieces = list(purging.purge_of(ana))
        assert (sum(one.files for one in pieces), rows()) == (3, (0, 0, 0))

    def test_a_send_repeated_in_its_commit_has_them_no_more(
        self, chat: Inline, ana: Any, tea: ChatRoom
    ) -> None:
        said = say(chat, tea, ana)
        again = Draft("tea", Kind.MESSAGE, ana.pk, said.nonce, "look", files=(said.files[0].key,))
        repeated, _redacted = log.append([again, redaction(ana, said)]).outcomes
        assert isinstance(repeated, Stored)
        assert (repeated.posted.id, repeated.posted.files, repeated.fresh) == (said.id, (), False)

    def test_what_an_edit_withheld_takes_no_file_with_it(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        said = say(chat, tea, ana)
        log.edit(message(said), ana, "look there")
        aged(Message, days=3)
        log.redact(message(said), ana)
        pieces = list(purging.purge_older_than(1))
        assert (sum(one.texts for one in pieces), sum(one.files for one in pieces)) == (1, 0)
        aged(Message, days=3)
        out = StringIO()
        call_command("purge", "--older-than", "1", stdout=out)
        assert out.getvalue() == "2 texts were removed, and 1 file.\n"
        assert (rows(), WithheldText.objects.count()) == ((0, 0, 0), 0)


class TestPlainDjango:
    """Django's own ways to write raise and name the call to use, as those of messages do."""

    def test_a_file_stays_where_it_was_sent(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        said, elsewhere = say(chat, tea, ana), log.post(ChatRoom.objects.get(slug="lobby"), ana, "hello")
        other, file = message(elsewhere), Attachment.objects.get
        before = Attachment.objects.values().get()
        files: Any = message(said).attachments
        for way in (
            lambda: other.attachments.add(file()),
            lambda: other.attachments.set([file()]),
            files.clear,
            lambda: files.clear(bulk=False),
            lambda: files.remove(file()),
            lambda: other.room.attachments.add(file()),
            lambda: files.update(withheld_by=1),
            lambda: Attachment.objects.bulk_update([file()], ["path"]),
            file().save,
            file().delete,
            Attachment.objects.all().delete,
        ):
            with pytest.raises(TypeError, match=r"rooms\.log\..* rooms\.filekeeping\.discard"):
                way()
        with pytest.raises(IntegrityError), transaction.atomic():
            Attachment(**{**before, "message_id": other.pk}).save()
        assert (Attachment.objects.values().get(), rows()) == (before, (1, 0, 1))

    def test_its_uploader_may_go(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        say(chat, tea, ana)
        ana.delete()
        assert Attachment.objects.get().uploader is None


class TestRetention:
    def test_files_go_with_their_message(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        say(chat, tea, ana)
        aged(Message, days=3)
        say(chat, tea, ana)
        ChatRoom.objects.filter(pk=tea.pk).update(keep_days=2)
        assert sum(one.rows for one in retention.prune("tea")) == 1
        assert rows() == (1, 0, 1)


class TestSweeping:
    def test_what_is_not_sent_for_a_day_goes(self, chat: Inline, ana: Any, tea: ChatRoom) -> None:
        say(chat, tea, ana)
        uploaded(chat, ana)
        uploaded(chat, ana, room="lobby")
        aged(Attachment, days=2)
        uploaded(chat, ana)
        out = StringIO()
        call_command("cleanfiles", stdout=out)
        assert (out.getvalue(), rows()) == ("2 not sent, 0 loose: removed.\n", (2, 0, 2))

    def test_what_is_cut_off_goes_once_nothing_can_be_under_way(
        self, chat: Inline, ana: Any, tea: ChatRoom
    ) -> None:
        uploaded(chat, ana)
        path = Attachment.objects.get().path
        Attachment._base_manager.all().delete()
        LooseFile.objects.create(path=path)
        assert (swept(), rows()) == ((0, 0), (0, 1, 1))
        aged(LooseFile, "since", hours=3)
        assert (swept(), rows()) == ((0, 1), (0, 0, 0))

    def test_what_a_storage_does_not_remove_stays_known(
        self, chat: Inline, ana: Any, tea: ChatRoom, caplog: pytest.LogCaptureFixture
    ) -> None:
        said = say(chat, tea, ana)
        log.redact(message(said), ana)
        with override_settings(STORAGES=kept_in(Stubborn)):
            perform(None, Purge("tea", said.id), trusted=True)
        assert ("could not be removed" in caplog.text, rows()) == (True, (0, 1, 1))
        aged(LooseFile, "since", hours=3)
        assert (swept(), rows()) == ((0, 1), (0, 0, 0))


class Full(FileSystemStorage):
    """One on a disk that holds a file, and half of its preview."""

    def _save(self, name: str, content: Any) -> str:
        half = type(content)(content.read(10)) if name.endswith(".preview") else content
        written: str = super()._save(name, half)  # type: ignore[misc]  # that a file system's has it is not told
        if half is not content:
            raise OSError(28, "No space left on device")
        return written


def test_what_a_full_disk_does_not_hold_takes_no_room_on_it(
    chat: Inline, ana: Any, tea: ChatRoom, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(STORAGES=kept_in(Full)):
        refused = upload(chat, ana, picture("image/gif", frames=2))
    assert (refused.status, refused.code, "retry-after" in refused.headers) == (503, "unavailable", True)
    assert rows() == (0, 1, 0)
    assert "An upload cannot be stored: No space left on device" in caplog.messages
    assert "Traceback" not in caplog.text


class Stubborn(FileSystemStorage):
    """A storage that removes nothing."""

    def delete(self, name: str) -> None:
        raise ConnectionError(name)


def kept_in(storage: type[FileSystemStorage]) -> dict[str, Any]:
    from django.conf import settings

    told = {
        "BACKEND": f"{__name__}.{storage.__name__}",
        "OPTIONS": settings.STORAGES["chat"]["OPTIONS"],
    }
    return {**settings.STORAGES, "chat": told}


class TestTheAdmin:
    @pytest.fixture
    def boss(self) -> Client:
        client = Client()
        client.force_login(person("boss", is_staff=True, is_superuser=True))
        return client

    def page(self, tea: ChatRoom) -> str:
        return reverse("admin:rooms_chatroom_conversation", args=[tea.pk])

    def test_files_are_shown_and_withheld_ones_to_whom_may_read_them(
        self, chat: Inline, ana: Any, tea: ChatRoom, boss: Client
    ) -> None:
        said = say(chat, tea, ana)
        url = reverse("admin:rooms_message_file", args=[said.id, said.files[0].key])
        for page in (self.page(tea), reverse("admin:rooms_message_change", args=[said.id])):
            assert url in boss.get(page).content.decode()
        log.redact(message(said), ana)
        shown = boss.get(self.page(tea)).content.decode()
        assert url in shown
        answer = boss.get(url)
        assert b"".join(answer) == TEXT
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment; ")

    def test_not_to_others(self, chat: Inline, ana: Any, tea: ChatRoom, boss: Client) -> None:
        from django.contrib.auth.models import Permission

        said = say(chat, tea, ana)
        url = reverse("admin:rooms_message_file", args=[said.id, said.files[0].key])
        looker, client = person("looker", is_staff=True), Client()
        client.force_login(looker)
        assert client.get(url).status_code == 403
        looker.user_permissions.add(Permission.objects.get(codename="view_message"))
        answer = client.get(url)
        assert answer.status_code == 200
        answer.close()
        log.redact(message(said), ana)
        assert client.get(url).status_code == 403
        assert url not in client.get(self.page(tea)).content.decode()
        for missing in (url.replace(said.files[0].key, "x" * 24), url.replace(f"/{said.id}/", "/x/")):
            assert boss.get(missing).status_code == 404
        assert boss.get(f"{url}?preview").status_code == 404

    def test_a_page_asks_for_all_of_them_at_once(
        self, chat: Inline, ana: Any, tea: ChatRoom, boss: Client
    ) -> None:
        say(chat, tea, ana)
        boss.get(self.page(tea))
        with counting() as one:
            boss.get(self.page(tea))
        for _each in range(5):
            say(chat, tea, ana)
        with counting() as many:
            boss.get(self.page(tea))
        assert len(one) == len(many)
