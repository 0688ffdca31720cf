"""What drafts bring about does not depend on which of them share a commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
from django.contrib.auth.models import User
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from rooms import history, log
from rooms.messages import Draft, Kind, Outcome, Posted, Refused, Stored
from rooms.models import AuditEntry, Mention, WithheldText
from tests.support_rooms import person, room

pytestmark = pytest.mark.databases


@dataclass(frozen=True)
class Step:
    """What somebody does: `target` counts back among the messages stored when the batch begins."""

    kind: Kind
    who: int
    nonce: int
    text: str
    target: int


STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(list(Kind)),
        who=st.integers(0, 2),
        nonce=st.integers(0, 5),
        text=st.sampled_from(["a", "b", " a ", "", "@ana", "@ben @nobody"]),
        target=st.integers(1, 3),
    ),
    min_size=1,
    max_size=8,
)


class Alike(TestCase):
    """The same steps, in one commit and in one each, leave two rooms alike."""

    def setUp(self) -> None:
        self.people = [person("ana"), person("ben"), person("root", is_staff=True)]

    @settings(max_examples=150, deadline=None)
    @given(batches=st.lists(STEPS, min_size=1, max_size=4))
    def test_batches_and_single_appends_leave_the_same_log(self, batches: list[list[Step]]) -> None:
        together, apart = room("together"), room("apart")
        for steps in batches:
            joined = self._append_together(self._drafts(together.slug, steps))
            single = [log.append([draft]).outcomes[0] for draft in self._drafts(apart.slug, steps)]
            assert [_shape(one) for one in joined] == [_shape(one) for one in single]
        one, other = (_log(slug) for slug in ("together", "apart"))
        assert [_plain(m, one) for m in one] == [_plain(m, other) for m in other]
        assert _withheld(one) == _withheld(other)
        assert _mentions(one) == _mentions(other)
        assert _trail(one) == _trail(other)

    def _append_together(self, drafts: Sequence[Draft]) -> tuple[Outcome, ...]:
        return log.append(drafts).outcomes

    def _drafts(self, slug: str, steps: list[Step]) -> list[Draft]:
        stored = [one.id for one in _log(slug)]
        return [_draft(slug, step, self.people[step.who], stored) for step in steps]


def _draft(slug: str, step: Step, who: User, stored: list[int]) -> Draft:
    draft = Draft(slug, step.kind, who.pk, f"n{step.nonce}", step.text)
    if step.kind is Kind.MESSAGE:
        return draft
    return replace(draft, target=stored[-step.target] if step.target <= len(stored) else 2**62)


def _log(slug: str) -> tuple[Posted, ...]:
    return history.after(slug, 0, 200).messages


def _shape(outcome: Outcome) -> object:
    """Return what an outcome says, but for ids; what a stored one reads is compared in the log."""
    if isinstance(outcome, Stored):
        return outcome.fresh, outcome.posted.kind, outcome.posted.nonce
    assert isinstance(outcome, Refused)
    return outcome


def _plain(one: Posted, whole: tuple[Posted, ...]) -> object:
    """Return a message with places in its log instead of ids, without its times."""
    place = {message.id: number for number, message in enumerate(whole)}
    return (
        place[one.id],
        one.kind,
        one.author,
        one.body,
        one.nonce,
        one.redacted,
        one.edited_at is not None,
        place.get(one.target or 0),
        place.get(one.changed or 0),
        one.mentions,
        one.reactions,
    )


def _mentions(whole: tuple[Posted, ...]) -> list[tuple[int, int]]:
    place = {message.id: number for number, message in enumerate(whole)}
    rows = Mention.objects.filter(message__in=place).values_list("message", "user")
    return sorted((place[message], user) for message, user in rows)


def _trail(whole: tuple[Posted, ...]) -> list[tuple[int, str]]:
    place = {message.id: number for number, message in enumerate(whole)}
    rows = AuditEntry.objects.filter(message_id__in=place).values_list("message_id", "actor_name")
    return sorted((place[message], name) for message, name in rows)


def _withheld(whole: tuple[Posted, ...]) -> list[tuple[int, int, str]]:
    place = {message.id: number for number, message in enumerate(whole)}
    rows = WithheldText.objects.filter(message__in=place).values_list("message", "withheld_by", "body")
    return sorted((place[message], place[by], body) for message, by, body in rows)
