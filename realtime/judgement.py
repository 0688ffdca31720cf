"""By which versions of the permissions a room's subscribers were judged, and the newest heard of. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rooms.messages import Versions

if TYPE_CHECKING:
    from collections.abc import Iterable


def covers(judged: Versions, versions: Versions) -> bool:
    """Tell whether who was judged by `judged` may have what was read or committed under `versions`."""
    return judged.epoch == versions.epoch and judged.site >= versions.site and judged.room >= versions.room


def by_nothing(epoch: str) -> Versions:
    """Return the versions of those who were not judged at all."""
    return Versions(epoch, -1, -1)


class Judgement:
    """Whether all subscribers of one room were judged by the newest permissions.

    `judged` is the oldest that any of them was judged by, None where there are none.
    """

    def __init__(self) -> None:
        """Know of nothing."""
        self.judged: Versions | None = None
        self.known: Versions | None = None
        self._told = 0
        self._answered = 0

    @property
    def doubtful(self) -> bool:
        """Whether the permissions of some subscriber must be asked before anything more is given out."""
        if self.judged is None or self.known is None:
            return False
        return self.unanswered or not covers(self.judged, self.known)

    @property
    def unanswered(self) -> bool:
        """Whether a change was told of, by no version, that nobody has been asked about since."""
        return self._told != self._answered

    def allows(self, versions: Versions) -> bool:
        """Tell whether all subscribers may have what was read or committed under `versions`."""
        return self.judged is None or covers(self.judged, versions)

    def admit(self, versions: Versions) -> None:
        """Take note of one more subscriber, judged by `versions`."""
        self.judged = versions if self.judged is None else _older(self.judged, versions)

    def nobody_left(self) -> None:
        """Take note that the last subscriber is gone."""
        self.judged = None
        self._answered = self._told

    def heard(self, versions: Versions) -> bool:
        """Take note of versions, and return whether they are news. They are of the known epoch."""
        before = self.known
        self.known = versions if before is None else _newest(before, versions)
        return self.known != before

    def told_of_change(self) -> None:
        """Take note that permissions changed, by an unknown version."""
        self._told += 1

    def question(self) -> int:
        """Return what `answered` wants to know: which changes were known of when the question was asked."""
        return self._told

    def answered(self, question: int, versions: Versions, newcomers: Iterable[Versions]) -> None:
        """Take note that all were judged by `versions`, but for the newcomers who were not asked about."""
        self._answered = question
        self.heard(versions)
        self.judged = versions
        for newcomer in newcomers:
            self.judged = _older(self.judged, newcomer)

    def start_over(self, versions: Versions) -> None:
        """Forget all judgements: the database is another one, or went back."""
        self.known = versions
        if self.judged is not None:
            self.judged = by_nothing(versions.epoch)


def _older(one: Versions, other: Versions) -> Versions:
    if one.epoch != other.epoch:
        return by_nothing(one.epoch)
    return replace(one, site=min(one.site, other.site), room=min(one.room, other.room))


def _newest(one: Versions, other: Versions) -> Versions:
    return replace(one, site=max(one.site, other.site), room=max(one.room, other.room))
