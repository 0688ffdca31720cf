"""Twenty write at once, by the log or through the server: readers on each transport miss nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from django.test import TransactionTestCase

from tests.support_rooms import LOBBY
from tests.system.http import Api
from tests.system.readers import TRANSPORTS, Reader
from tests.system.server import RunningChat
from tests.system.site import Caller, caller
from tests.system.test_resume import Sender

pytestmark = pytest.mark.databases

WAIT_S = 120


class TwentyWriters(TransactionTestCase):
    """No id is lost, doubled or out of order, on whatever transport one resumes after the last id seen."""

    PROCESSES, THREADS, MESSAGES = 2, 10, 10

    def read(self, chat: RunningChat, who: Caller) -> list[Reader]:
        """Start a reader on each transport, which hangs up at random, and one that changes between them."""
        readers = [
            Reader(chat.port, who.token, LOBBY, transports=transports, seed=number)
            for number, transports in enumerate([*((one,) for one in TRANSPORTS), TRANSPORTS])
        ]
        for reader in readers:
            reader.start()
        return readers

    def check(
        self, chat: RunningChat, who: Caller, stored: list[tuple[str, int]], readers: list[Reader]
    ) -> None:
        """Every stored message is in the log once, and every reader has the whole log in its order."""
        log = Api(chat.port, who.token).history(LOBBY)
        self.assertEqual([(one["nonce"], one["id"]) for one in log], sorted(stored, key=lambda pair: pair[1]))
        for reader in readers:
            self.assertEqual(reader.wait_until(log[-1]["id"]), log)

    def test_who_append_to_the_log_in_two_other_processes(self) -> None:
        ana = caller("ana")
        with RunningChat() as chat:
            readers = self.read(chat, ana)
            arguments = [sys.executable, "-m", "tests.writing_process", LOBBY, str(ana.user.pk)]
            writers = [
                subprocess.Popen(
                    [*arguments, f"p{number}", str(self.THREADS), str(self.MESSAGES)],
                    stdout=subprocess.PIPE,
                    text=True,
                )
                for number in range(self.PROCESSES)
            ]
            said = [writer.communicate(timeout=WAIT_S)[0] for writer in writers]
            self.assertEqual([writer.returncode for writer in writers], [0] * self.PROCESSES)
            stored = [(nonce, key) for lines in said for nonce, key in map(json.loads, lines.splitlines())]
            self.assertEqual(len(stored), self.PROCESSES * self.THREADS * self.MESSAGES)
            self.check(chat, ana, stored, readers)

    def test_who_send_through_the_running_server(self) -> None:
        people = [caller(f"person{number}") for number in range(self.PROCESSES * self.THREADS)]
        with RunningChat() as chat:
            readers = self.read(chat, people[0])
            senders = [Sender(chat, who.token, who.user.username, self.MESSAGES) for who in people]
            for sender in senders:
                sender.start()
            stored = [pair for sender in senders for pair in sender.result()]
            self.assertEqual(len(stored), len(people) * self.MESSAGES)
            self.check(chat, people[0], stored, readers)
