"""A conversation goes on over restarts and kills: stored once, in order, on every transport."""

from __future__ import annotations

import random
import signal
import threading

import pytest
from django.test import TransactionTestCase

from tests.support_rooms import LOBBY, room
from tests.system.http import Api
from tests.system.readers import TRANSPORTS, Reader
from tests.system.server import RunningChat
from tests.system.site import caller

pytestmark = pytest.mark.databases

WAIT_S = 60


class Sender(threading.Thread):
    """Sends one message after the other until told to stop, or so many; each until it is acknowledged."""

    def __init__(self, chat: RunningChat, token: str, name: str, most: int | None = None) -> None:
        """Send as the token's owner."""
        super().__init__(daemon=True)
        self.acknowledged: list[tuple[str, int]] = []
        self.failure: BaseException | None = None
        self.stopping = False
        self._api, self._name, self._most = Api(chat.port, token), name, most

    def run(self) -> None:
        """Send on; what goes wrong is kept for `result`."""
        try:
            while not self.stopping and len(self.acknowledged) != self._most:
                nonce = f"{self._name}-{len(self.acknowledged)}"
                message = self._api.send(LOBBY, f"{nonce} says hello", nonce)
                self.acknowledged.append((message["nonce"], message["id"]))
        except BaseException as failure:  # noqa: BLE001 (raised by result)
            self.failure = failure

    def result(self) -> list[tuple[str, int]]:
        """Stop, unless it stops by itself, and return what was acknowledged."""
        self.stopping = self._most is None
        self.join(WAIT_S)
        assert not self.is_alive()
        if self.failure:
            raise self.failure
        return self.acknowledged


class Conversation(TransactionTestCase):
    """Four senders and a reader on each transport, while the server is stopped and killed under them."""

    def setUp(self) -> None:
        self.people = [caller(f"person{number}") for number in range(4)]
        self.rng = random.Random(7)

    def converse(self, chat: RunningChat) -> tuple[list[Sender], list[Reader]]:
        senders = [Sender(chat, who.token, who.user.username) for who in self.people]
        token = self.people[0].token
        readers = [
            Reader(chat.port, token, LOBBY, transports=(transport,), seed=number, hang_up=number % 2 == 0)
            for number, transport in enumerate(TRANSPORTS * 2)
        ]
        readers += [Reader(chat.port, token, LOBBY, seed=number) for number in range(2)]
        for thread in (*senders, *readers):
            thread.start()
        return senders, readers

    def check(self, chat: RunningChat, senders: list[Sender], readers: list[Reader]) -> None:
        """Every acknowledged message is there once, and every reader has the whole log in its order."""
        acknowledged = [pair for sender in senders for pair in sender.result()]
        log = Api(chat.port, self.people[0].token).history(LOBBY)
        self.assertEqual(
            [(one["nonce"], one["id"]) for one in log], sorted(acknowledged, key=lambda pair: pair[1])
        )
        for reader in readers:
            self.assertEqual(reader.wait_until(log[-1]["id"]), log)

    def await_progress(self, senders: list[Sender], count: int) -> None:
        """Return once that many more messages are acknowledged."""
        wanted = sum(len(sender.acknowledged) for sender in senders) + count
        ticks = threading.Event()
        for _tick in range(WAIT_S * 200):
            if sum(len(sender.acknowledged) for sender in senders) >= wanted:
                return
            self.assertFalse([sender.failure for sender in senders if sender.failure])
            ticks.wait(0.005)
        self.fail("the senders do not get on")

    def test_a_restart_in_the_middle_of_a_conversation(self) -> None:
        with RunningChat() as chat:
            senders, readers = self.converse(chat)
            for number in (signal.SIGTERM, signal.SIGINT):
                self.await_progress(senders, 40)
                self.assertEqual(chat.terminate(number), 0, chat.log)
                chat.start()
            self.await_progress(senders, 40)
            self.check(chat, senders, readers)

    def test_twenty_kills_at_random_moments(self) -> None:
        with RunningChat() as chat:
            senders, readers = self.converse(chat)
            for _kill in range(20):
                self.await_progress(senders, self.rng.randint(1, 15))
                threading.Event().wait(self.rng.random() * 0.02)
                chat.kill()
                chat.start()
            self.await_progress(senders, 10)
            self.check(chat, senders, readers)


class TwoRooms(TransactionTestCase):
    """Rooms never see each other's messages, on any transport."""

    def test_each_reader_gets_its_rooms_messages_alone(self) -> None:
        room("den")
        ana = caller("ana")
        with RunningChat() as chat:
            api = Api(chat.port, ana.token)
            readers = {
                (slug, transport): Reader(chat.port, ana.token, slug, transports=(transport,), hang_up=False)
                for slug in (LOBBY, "den")
                for transport in TRANSPORTS
            }
            for reader in readers.values():
                reader.start()
            last = {
                slug: api.send(slug, f"{slug} {number}", f"n{number}")
                for number in range(20)
                for slug in (LOBBY, "den")
            }
            for (slug, _transport), reader in readers.items():
                bodies = [one["body"] for one in reader.wait_until(last[slug]["id"])]
                self.assertEqual(bodies, [f"{slug} {number}" for number in range(20)])
