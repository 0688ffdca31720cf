"""For how many connections there are descriptors."""

from __future__ import annotations

import logging
import resource
from pathlib import Path

import pytest

from realtime.descriptors import BESIDE_CONNECTIONS, room_for
from realtime.listening import NotStarted
from tests.system.server import RunningChat

WITHOUT_END = resource.RLIM_INFINITY


class Limit:
    """A process's limit on open files, which its system lets be raised up to `allowed`."""

    def __init__(self, soft: int, hard: int, allowed: int) -> None:
        self.soft, self.hard, self.allowed = soft, hard, allowed

    def get(self, _what: int) -> tuple[int, int]:
        return self.soft, self.hard

    def set(self, _what: int, both: tuple[int, int]) -> None:
        if both[0] > self.allowed:
            raise ValueError("current limit exceeds maximum limit")
        self.soft, self.hard = both


def limited(monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, allowed: int = 10**9) -> Limit:
    limit = Limit(soft, hard, allowed)
    monkeypatch.setattr(resource, "getrlimit", limit.get)
    monkeypatch.setattr(resource, "setrlimit", limit.set)
    return limit


@pytest.mark.parametrize("hard", [1_000_000, 2_000 + BESIDE_CONNECTIONS, WITHOUT_END])
def test_the_soft_limit_is_raised_as_far_as_they_need(monkeypatch: pytest.MonkeyPatch, hard: int) -> None:
    limit = limited(monkeypatch, 1024, hard)
    assert room_for(2_000) == 2_000
    assert (limit.soft, limit.hard) == (2_000 + BESIDE_CONNECTIONS, hard)


@pytest.mark.parametrize("soft", [4_096, WITHOUT_END])
def test_one_that_is_high_enough_stays(monkeypatch: pytest.MonkeyPatch, soft: int) -> None:
    limit = limited(monkeypatch, soft, WITHOUT_END)
    assert room_for(2_000) == 2_000
    assert limit.soft == soft


@pytest.mark.parametrize(("hard", "allowed"), [(1_024, 10**9), (WITHOUT_END, 1_024)])
def test_where_it_cannot_there_is_room_for_fewer_and_the_log_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, hard: int, allowed: int
) -> None:
    limited(monkeypatch, 1_024, hard, allowed)
    with caplog.at_level(logging.WARNING):
        assert room_for(10_000) == 1_024 - BESIDE_CONNECTIONS
    assert "room for 512 connections, where CHAT_CONNECTIONS is 10000" in caplog.text


def test_where_there_is_none_at_all_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 64, 512)
    with pytest.raises(NotStarted, match=r"At most 512 files may be open \(ulimit -n\)"):
        room_for(10_000)


@pytest.mark.database
def test_a_server_raises_its_own() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, hard))
    try:
        with RunningChat(CHAT_CONNECTIONS="1000") as chat:
            limits = Path(f"/proc/{chat.pid}/limits").read_text(encoding="ascii")
            assert chat.terminate() == 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert f"Max open files            {1_000 + BESIDE_CONNECTIONS} " in limits
