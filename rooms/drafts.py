"""What is refused of a draft whatever the log holds, and how its text is made ready for it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings

from rooms import notices
from rooms.messages import FILE_KEY, MOST_FILES, REACTIONS, Code, Draft, Kind, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = re.compile(rf"{FILE_KEY}\Z")
NONCE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MAX_ID = 2**63 - 1
LONGEST_REACTION = 32
"""Code points: an emoji of many parts (a family, a flag) has some ten."""

WITHOUT_TARGET = frozenset({Kind.MESSAGE, Kind.NOTICE})


def ready(draft: Draft) -> Draft:
    """Return the draft with the text that is stored: trimmed; of a notice, the sentence that tells it."""
    body = notices.sentence(draft.notice) if draft.notice is not None else draft.body.strip()
    return draft if body == draft.body else replace(draft, body=body)


def unfit(draft: Draft) -> Refused | None:
    """Return why a draft is refused whatever the log holds, None where it is fit."""
    fault = next(_faults(draft), None)
    return Refused(Code.BAD_REQUEST, fault) if fault else None


def _faults(draft: Draft) -> Iterator[str]:
    if not NONCE.match(draft.nonce):
        yield "nonce: 1 to 64 letters, digits, hyphens or underscores."
    yield from _faults_of_kind(draft)
    yield from _faults_of_text(draft)
    yield from _faults_of_files(draft)
    for name, value in (("target", draft.target), ("reply_to", draft.reply_to)):
        if value is not None and not 1 <= value <= MAX_ID:
            yield f"{name}: not the id of a message."
    if (draft.target is None) != (draft.kind in WITHOUT_TARGET):
        yield "target: edits, redactions and reactions have one, messages and notices have none."
    if draft.reply_to is not None and draft.kind is not Kind.MESSAGE:
        yield "reply_to: only messages answer others."


def _faults_of_kind(draft: Draft) -> Iterator[str]:
    if (draft.notice is None) != (draft.kind is not Kind.NOTICE):
        yield "notice: every notice tells of an event, nothing else does."
    if draft.kind is Kind.NOTICE and not draft.trusted:
        yield "kind: only the server gives notice."
    if draft.kind in REACTIONS and draft.trusted and draft.author_id is None:
        yield "author: a reaction is somebody's."


def _faults_of_text(draft: Draft) -> Iterator[str]:
    if UNSTORABLE.search(draft.body):
        yield "body: a NUL or half of a surrogate pair cannot be stored."
    if draft.kind in REACTIONS:
        if not 1 <= len(draft.body) <= LONGEST_REACTION or any(map(str.isspace, draft.body)):
            yield f"body: a reaction is an emoji, or 1 to {LONGEST_REACTION} characters without white space."
        return
    if len(draft.body) > settings.CHAT_MAX_BODY and draft.kind is not Kind.NOTICE:
        yield f"body: at most {settings.CHAT_MAX_BODY} characters."
    if not draft.body and draft.kind is not Kind.REDACTION and not draft.files:
        yield "body: it is empty."


def _faults_of_files(draft: Draft) -> Iterator[str]:
    if draft.files and draft.kind is not Kind.MESSAGE:
        yield "files: only messages have some."
    if len(draft.files) > MOST_FILES or len(set(draft.files)) < len(draft.files):
        yield f"files: at most {MOST_FILES}, each once."
    if not all(map(KEY.match, draft.files)):
        yield "files: the ids of uploads."
