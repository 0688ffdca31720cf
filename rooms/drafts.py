"""What is refused of a draft whatever the log holds, and how its text is made ready for it."""

from __future__ import annotations

import re
from dataclasses import replace

from rooms import notices
from rooms.messages import FILE_KEY, MAX_ID, MOST_FILES, REACTIONS, Code, Draft, Kind, Refused
from rooms.options import options

KEY = re.compile(rf"{FILE_KEY}\Z")
NONCE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
LONGEST_REACTION = 32
"""Code points: an emoji of many parts (a family, a flag) has some ten."""

WITHOUT_TARGET = frozenset({Kind.MESSAGE, Kind.NOTICE})


def ready(draft: Draft) -> Draft:
    """Return the draft with the text that is stored: trimmed; of a notice, the sentence that tells it."""
    body = notices.sentence(draft.notice) if draft.notice is not None else draft.body.strip()
    return draft if body == draft.body else replace(draft, body=body)


def unfit(draft: Draft) -> Refused | None:
    """Return why a draft is refused whatever the log holds, None where it is fit."""
    fault = _fault_of_kind(draft) or _fault_of_text(draft) or _fault_of_files(draft) or _fault_of_ids(draft)
    return Refused(Code.BAD_REQUEST, fault) if fault else None


def _fault_of_kind(draft: Draft) -> str | None:
    if not NONCE.match(draft.nonce):
        return "nonce: 1 to 64 letters, digits, hyphens or underscores."
    if (draft.notice is None) != (draft.kind is not Kind.NOTICE):
        return "notice: every notice tells of an event, nothing else does."
    if draft.kind is Kind.NOTICE and not draft.trusted:
        return "kind: only the server gives notice."
    if draft.kind in REACTIONS and draft.trusted and draft.author_id is None:
        return "author: a reaction is somebody's."
    return None


def _fault_of_text(draft: Draft) -> str | None:
    body = draft.body
    if UNSTORABLE.search(body):
        return "body: a NUL or half of a surrogate pair cannot be stored."
    if draft.kind in REACTIONS:
        if not 1 <= len(body) <= LONGEST_REACTION or any(map(str.isspace, body)):
            return f"body: a reaction is an emoji, or 1 to {LONGEST_REACTION} characters without white space."
        return None
    if len(body) > options.max_body and draft.kind is not Kind.NOTICE:
        return f"body: at most {options.max_body} characters."
    if not body and draft.kind is not Kind.REDACTION and not draft.files:
        return "body: it is empty."
    return None


def _fault_of_files(draft: Draft) -> str | None:
    files = draft.files
    if not files:
        return None
    if draft.kind is not Kind.MESSAGE:
        return "files: only messages have some."
    if len(files) > MOST_FILES or len(set(files)) < len(files):
        return f"files: at most {MOST_FILES}, each once."
    if not all(map(KEY.match, files)):
        return "files: the ids of uploads."
    return None


def _fault_of_ids(draft: Draft) -> str | None:
    if draft.target is not None and not 1 <= draft.target <= MAX_ID:
        return "target: not the id of a message."
    if draft.reply_to is not None and not 1 <= draft.reply_to <= MAX_ID:
        return "reply_to: not the id of a message."
    if (draft.target is None) != (draft.kind in WITHOUT_TARGET):
        return "target: edits, redactions and reactions have one, messages and notices have none."
    if draft.reply_to is not None and draft.kind is not Kind.MESSAGE:
        return "reply_to: only messages answer others."
    return None
