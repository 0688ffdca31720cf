"""The commands of the rooms: what they do, what they print, and what they say where something is wrong."""

from __future__ import annotations

import json
import os
from dataclasses import fields, replace
from datetime import timedelta
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command, load_command_class
from django.db import OperationalError, connection
from django.test import TestCase
from django.utils import timezone

from realtime import wire
from rooms import accounts, history, log, signals, wireform
from rooms.acting import perform
from rooms.actions import MutePerson
from rooms.management.commands import export
from rooms.messages import Author, Credential, Event, File, Kind, Notice, Posted, Reaction
from rooms.models import ApiToken, AuditEntry, ChatRoom, Message, SiteState, WithheldText
from rooms.progress import Progress
from tests.support_rooms import LOBBY, edit, message, person, redaction, room, store

pytestmark = pytest.mark.databases


def printed(*command: str) -> str:
    out = StringIO()
    call_command(*command, stdout=out)
    return out.getvalue()


def unanswered(execute: Any, sql: str, *more: Any) -> Any:
    """Answer what begins and ends a transaction, and nothing else."""
    if "SAVEPOINT" not in sql:
        raise OperationalError("no route\nto it")
    return execute(sql, *more)


class Token(TestCase):
    def setUp(self) -> None:
        self.ana = User.objects.create_user("ana")

    def test_prints_a_token_that_opens_the_api_and_nothing_else(self) -> None:
        line = printed("token", "ana")
        self.assertEqual(line.count("\n"), 1)
        who = accounts.identify(Credential.of_token(line.strip()))
        self.assertEqual(who and who.user_id, self.ana.pk)
        self.assertEqual(ApiToken.objects.get().name, "manage.py token")

    def test_takes_a_name(self) -> None:
        printed("token", "ana", "--name", "a phone")
        self.assertEqual(ApiToken.objects.get().name, "a phone")

    def test_says_what_is_wrong(self) -> None:
        User.objects.create_user("off", is_active=False)
        for arguments, told in (
            (["nobody"], "There is no user 'nobody'"),
            (["off"], "disabled"),
            (["ana", "--name", ""], "cannot be blank"),
            (["ana", "--name", "x" * 61], "at most 60"),
        ):
            with self.subTest(arguments), self.assertRaisesRegex(CommandError, told):
                printed("token", *arguments)
        self.assertFalse(ApiToken.objects.exists())


class FirstAdmin(TestCase):
    def test_prints_a_link_that_works(self) -> None:
        line = printed("firstadmin").strip()
        self.assertTrue(line.startswith("http://127.0.0.1:8000/first-admin/"), line)
        self.assertEqual(self.client.get(line.removeprefix("http://127.0.0.1:8000")).status_code, 200)

    def test_takes_where_the_site_is_reached(self) -> None:
        for base in ("https://chat.example.org", "https://chat.example.org/"):
            self.assertRegex(
                printed("firstadmin", "--base-url", base), r"^https://chat\.example\.org/first-admin/\S+/\n$"
            )
        for wrong in ("chat.example.org", "ftp://chat.example.org", "https://", "http://[::1"):
            with self.assertRaisesRegex(CommandError, "base-url"):
                printed("firstadmin", "--base-url", wrong)

    def test_fails_where_a_superuser_exists(self) -> None:
        User.objects.create_superuser("boss")
        with self.assertRaisesRegex(CommandError, "A superuser exists") as caught:
            printed("firstadmin")
        self.assertEqual(caught.exception.returncode, 1)


class NewEpoch(TestCase):
    def test_prints_the_old_one_and_the_new_one(self) -> None:
        old = SiteState.current().epoch
        line = printed("newepoch")
        new = SiteState.current().epoch
        self.assertNotEqual(old, new)
        self.assertEqual(line, f"{old} -> {new}\n")


class Say(TestCase):
    def setUp(self) -> None:
        self.ana = User.objects.create_user("ana")

    def last(self) -> Posted:
        return history.after(LOBBY, 0, 99).messages[-1]

    def test_posts_as_the_server_and_prints_the_id(self) -> None:
        line = printed("say", LOBBY, " hello there ")
        self.assertEqual(line, f"{self.last().id}\n")
        self.assertEqual((self.last().body, self.last().author), ("hello there", None))

    def test_posts_as_somebody_and_into_an_archived_room(self) -> None:
        ChatRoom.objects.update(archived_at=timezone.now())
        printed("say", LOBBY, "hello", "--as", "ana")
        self.assertEqual(self.last().author, accounts.author(self.ana))

    def test_readers_are_told(self) -> None:
        heard: list[Any] = []

        def hear(batches: Any, **_rest: Any) -> None:
            heard.extend(batches)

        signals.committed.connect(hear)
        self.addCleanup(signals.committed.disconnect, hear)
        with self.captureOnCommitCallbacks(execute=True):
            printed("say", LOBBY, "hello")
        self.assertEqual([one.body for batch in heard for one in batch.messages], ["hello"])

    def test_reads_the_text_from_standard_input(self) -> None:
        with mock.patch("sys.stdin", StringIO("from a\npipe\n")):
            printed("say", LOBBY, "-")
        self.assertEqual(self.last().body, "from a\npipe")
        with (
            mock.patch("sys.stdin", TextIOWrapper(BytesIO(b"\xff"), "utf-8")),
            self.assertRaisesRegex(CommandError, "not UTF-8"),
        ):
            printed("say", LOBBY, "-")

    def test_a_nonce_stores_it_once(self) -> None:
        lines = {printed("say", LOBBY, "once", "--nonce", "job-7") for _ in range(2)}
        self.assertEqual(lines, {f"{self.last().id}\n"})
        self.assertEqual(Message.objects.count(), 1)

    def test_says_what_is_wrong(self) -> None:
        for arguments, told in (
            (["nowhere", "x"], "There is no room 'nowhere'"),
            ([LOBBY, "x", "--as", "nobody"], "There is no user 'nobody'"),
            ([LOBBY, "  "], "body: "),
            ([LOBBY, "x" * 4001], "body: "),
            ([LOBBY, "\udcff"], "body: "),
            ([LOBBY, "x", "--nonce", "a b"], "nonce: "),
        ):
            with self.subTest(arguments), self.assertRaisesRegex(CommandError, told):
                printed("say", *arguments)
        self.assertFalse(Message.objects.exists())


class Export(TestCase):
    def setUp(self) -> None:
        self.ana = person("ana")
        room("den", visibility=ChatRoom.Visibility.PRIVATE)
        self.said, self.gone = store(
            message(self.ana, 'ünïcode ☃ \u2028 \x7f \x01 " \\ / </script>'), message(self.ana, "gone")
        )
        store(
            message(None, "hello @ana", trusted=True, reply_to=self.said.id),
            edit(self.ana, self.said, "said"),
            redaction(self.ana, self.gone, "why"),
            message(self.ana, "in the den", room="den", trusted=True),
        )
        log.react(Message.objects.get(pk=self.said.id), self.ana, "👍")
        perform(None, MutePerson(LOBBY, self.ana.pk, 5), trusted=True)

    def expected(self, *slugs: str, after: int = 0) -> str:
        rows = [one for slug in slugs for one in history.after(slug, after, 99).messages]
        return "".join(wire.encode_message(one).decode() + "\n" for one in rows)

    def test_a_line_is_what_the_wire_says(self) -> None:
        lines = printed("export", LOBBY)
        self.assertEqual(lines, self.expected(LOBBY))
        kinds = {json.loads(line)["kind"] for line in lines.split("\n") if line}
        self.assertEqual(kinds, {"message", "edit", "redaction", "reaction", "notice"})
        self.assertNotIn("gone", lines)

    def test_every_field_of_a_message_is_told_as_on_the_wire(self) -> None:
        everything = Posted(
            5, LOBBY, Kind.NOTICE, Author("a-1", 'a"b'), "x\ny", timezone.now(), "n", 1, 2,
            redacted=True, edited_at=timezone.now(), changed=4, mentions=(Author(1, "ana"),),
            reactions=(Reaction("👍", 2, (1, "b")),),
            files=(File("k" * 24, "ä/b", "image/png", 5, 1, 2, has_preview=True),),
            notice=Notice(Event.MUTED, Author(1, "ana"), value=False, until=timezone.now()),
        )  # fmt: skip
        self.assertEqual(
            {field.name for field in fields(Posted)}, set(wireform.fields(everything)), "a field is left out"
        )
        for one in (everything, replace(everything, author=None, body=None, notice=None, mentions=())):
            self.assertEqual(wireform.line(one), wire.encode_message(one).decode())

    def test_all_rooms_or_what_follows_an_id(self) -> None:
        self.assertEqual(printed("export", "--all"), self.expected("den", LOBBY))
        self.assertEqual(
            printed("export", LOBBY, "--after", str(self.gone.id)), self.expected(LOBBY, after=self.gone.id)
        )
        with mock.patch.object(export, "PAGE", 2):
            self.assertEqual(printed("export", "--all"), self.expected("den", LOBBY))

    def test_into_a_file_that_is_there_once_it_is_whole(self) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "log.jsonl"
            path.write_text("of yesterday", encoding="utf-8")
            with (
                mock.patch.object(wireform, "line", side_effect=OSError(28, "No space left on device")),
                self.assertRaisesRegex(CommandError, "cannot be written: No space left"),
            ):
                printed("export", LOBBY, "--output", str(path))
            self.assertEqual(path.read_text(encoding="utf-8"), "of yesterday")
            self.assertEqual(printed("export", LOBBY, "--output", str(path)), "")
            self.assertEqual(path.read_text(encoding="utf-8"), self.expected(LOBBY))
            self.assertEqual(list(Path(folder).iterdir()), [path])

    def test_nothing_is_left_beside_the_file_of_an_export_that_was_interrupted(self) -> None:
        with TemporaryDirectory() as folder:
            with (
                mock.patch.object(wireform, "line", side_effect=KeyboardInterrupt),
                self.assertRaises(KeyboardInterrupt),
            ):
                printed("export", LOBBY, "--output", f"{folder}/log.jsonl")
            self.assertEqual(list(Path(folder).iterdir()), [])

    def test_a_link_goes_on_leading_to_the_file(self) -> None:
        with TemporaryDirectory() as folder:
            path, link = Path(folder) / "log.jsonl", Path(folder) / "newest"
            link.symlink_to(path)
            printed("export", LOBBY, "--output", str(link))
            self.assertEqual(path.read_text(encoding="utf-8"), self.expected(LOBBY))
            self.assertEqual(link.readlink(), path)

    def test_what_is_no_file_is_written_to_and_stays_what_it_is(self) -> None:
        with TemporaryDirectory() as folder:
            pipe = Path(folder) / "pipe"
            os.mkfifo(pipe)
            with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as reader:
                printed("export", LOBBY, "--output", str(pipe))
                self.assertTrue(pipe.is_fifo())
                self.assertEqual(reader.read(), self.expected(LOBBY))

    def test_standard_output_that_is_full_is_told(self) -> None:
        class Full(StringIO):
            def write(self, _text: str) -> int:
                raise OSError(28, "No space left on device")

        with (
            mock.patch.object(export, "_let_go_of_standard_output") as let_go,
            self.assertRaisesRegex(CommandError, "^Standard output cannot be written: No space left"),
        ):
            call_command("export", LOBBY, stdout=Full())
        let_go.assert_called_once_with()

    def test_says_what_is_wrong(self) -> None:
        for arguments, told in (
            (["nowhere"], "There is no room 'nowhere'"),
            ([LOBBY, "--after", "-1"], "--after"),
            ([LOBBY, "--after", str(2**63)], "--after"),
            ([LOBBY, "--output", "/nowhere/at/all"], "cannot be written: No such file"),
            ([LOBBY, "--output", "/"], "'/' cannot be written: it is no file's name"),
            ([LOBBY, "--output", ""], "'' cannot be written: it is no file's name"),
            ([], "required"),
            ([LOBBY, "--all"], "not allowed with"),
        ):
            with self.subTest(arguments), self.assertRaisesRegex(CommandError, told):
                printed("export", *arguments)


class Purge(TestCase):
    def setUp(self) -> None:
        self.ana = person("ana")
        self.said, self.other = store(message(self.ana, "said"), message(self.ana, "other"))
        store(redaction(self.ana, self.said), redaction(self.ana, self.other))

    def test_of_a_message_of_an_author_or_by_age(self) -> None:
        self.assertEqual(printed("purge", "--older-than", "1"), "0 texts were removed.\n")
        self.assertEqual(printed("purge", "--message", str(self.said.id)), "1 text was removed.\n")
        self.assertEqual(WithheldText.objects.get().message_id, self.other.id)
        self.assertEqual(printed("purge", "--author", "ana"), "1 text was removed.\n")
        store(*(redaction(self.ana, one) for one in store(message(self.ana, "more"))))
        self.assertEqual(printed("purge", "--older-than", "0"), "1 text was removed.\n")
        entries = AuditEntry.objects.filter(deed="purge").order_by("id")
        self.assertEqual([one.person for one in entries], [self.ana, self.ana, None])

    def test_says_what_is_wrong(self) -> None:
        [plain] = store(message(self.ana, "plain"))
        for arguments, told in (
            (["--message", str(plain.id)], "Nothing is withheld"),
            (["--message", str(plain.id + 1)], "There is no message"),
            (["--message", str(2**70)], "There is no message"),
            (["--message", "x"], "invalid int"),
            (["--author", "nobody"], "There is no user 'nobody'"),
            (["--older-than", "-1"], "--older-than"),
            (["--older-than", "1", "--author", "ana"], "not allowed with"),
            ([], "required"),
        ):
            with self.subTest(arguments), self.assertRaisesRegex(CommandError, told):
                printed("purge", *arguments)
        self.assertEqual(WithheldText.objects.count(), 2)


class PruneHistory(TestCase):
    def setUp(self) -> None:
        room("den", keep_days=1)
        room("attic", keep_days=1)
        for slug in ("den", "attic", LOBBY):
            store(*(message(None, str(n), room=slug, trusted=True) for n in range(3)))
        Message._base_manager.update(created_at=timezone.now() - timedelta(days=2))

    def test_prints_what_went_by_room(self) -> None:
        self.assertEqual(printed("prunehistory", "--dry-run"), "den: 3\nattic: 3\n6 would go\n")
        self.assertEqual(Message.objects.count(), 9)
        self.assertEqual(printed("prunehistory", "--room", "den"), "den: 3\n3 went\n")
        self.assertEqual(printed("prunehistory"), "attic: 3\n3 went\n")
        self.assertEqual(printed("prunehistory"), "0 went\n")

    def test_says_what_is_wrong(self) -> None:
        with self.assertRaisesRegex(CommandError, "There is no room 'nowhere'"):
            printed("prunehistory", "--room", "nowhere")


class EveryCommand(TestCase):
    def test_its_help_tells_what_it_does_and_each_option_what_it_means(self) -> None:
        for name in ("say", "export", "purge", "prunehistory"):
            command = load_command_class("rooms", name)
            parser = command.create_parser("manage.py", name)
            self.assertGreater(len(command.help), 100, name)
            for action in parser._actions:
                self.assertTrue(action.help, f"{name} {action.dest}")

    def test_a_database_that_does_not_answer_is_one_line(self) -> None:
        for command in (
            ("cleanfiles",), ("export", LOBBY), ("firstadmin",), ("newepoch",), ("prunehistory",),
            ("purge", "--older-than", "1"), ("say", LOBBY, "x"), ("token", "ana"),
        ):  # fmt: skip
            with (
                self.subTest(command),
                connection.execute_wrapper(unanswered),
                self.assertRaises(CommandError) as caught,
            ):
                printed(*command)
            self.assertEqual(str(caught.exception), "The database does not answer: no route")

    def test_what_was_typed_in_another_encoding_is_one_line(self) -> None:
        person("ana")
        for command in (
            ("export", "\udcff"), ("prunehistory", "--room", "\udcff"), ("say", "\udcff", "x"),
            ("say", LOBBY, "x", "--as", "\udcff"), ("purge", "--author", "\udcff"), ("token", "\udcff"),
            ("token", "ana", "--name", "\udcff"),
        ):  # fmt: skip
            with self.subTest(command), self.assertRaisesRegex(CommandError, r"^'\\udcff' is not in UTF-8"):
                printed(*command)


class Shown(TestCase):
    """How far something is, on a terminal and elsewhere."""

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    def show(self, out: StringIO, seconds: list[float]) -> str:
        with Progress(out, "Pruning", 200, iter([0.0, *seconds]).__next__) as progress:
            for number, _second in enumerate(seconds, 1):
                progress.reach(number * 50)
        return out.getvalue()

    def test_what_takes_long_is_shown_and_the_line_left_empty(self) -> None:
        shown = self.show(self.Terminal(), [0.4, 0.6, 0.65, 0.9])
        lines = shown.split("\r\x1b[K")
        self.assertEqual([line.split("  ")[-1] for line in lines[1:]], ["100", "200", ""])
        self.assertIn("Pruning [###############...............]  50%", lines[1])

    def test_what_does_not_is_not_nor_is_anything_without_a_terminal(self) -> None:
        self.assertEqual(self.show(self.Terminal(), [0.1, 0.4]), "")
        self.assertEqual(self.show(StringIO(), [1.0, 2.0]), "")
