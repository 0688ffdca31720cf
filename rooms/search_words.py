"""What a search asks for, as both databases understand it: words, phrases of them, and marks.

A word is a run of letters and decimal digits of any script, with what is written over them; everything
else parts words. Case is folded, nothing else is: no stemming, no removal of accents. A script that puts no
spaces between words (Chinese, Japanese, Thai) is one word up to the next punctuation: such text is found by
the whole of that run alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

CHUNK = re.compile(r'"([^"]*)"?|([^\s"]+)')
OVER_LETTERS = range(0x300, 0x332)
EPOCH = date(1970, 1, 1)

Phrase = tuple[str, ...]
"""Words that come one after the other."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that a message has beside its words, by which the index narrows a search."""

    letter: str
    value: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """All the phrases, and of each group of marks at least one."""

    phrases: tuple[Phrase, ...]
    marks: tuple[tuple[Mark, ...], ...] = ()


def phrases(text: str) -> tuple[Phrase, ...]:
    """Return what a text asks for: each word by itself, what stands between quotes as a phrase.

    Something written in one piece, as don't, is a phrase too. None of it is ever an operator.
    """
    found = (words(quoted or plain) for quoted, plain in CHUNK.findall(text))
    return tuple(dict.fromkeys(phrase for phrase in found if phrase))


def words(text: str) -> Phrase:
    """Return the words of a text, in order."""
    return tuple("".join(c if _is_of_word(c) else " " for c in text).split())


def _is_of_word(character: str) -> bool:
    return character.isalpha() or character.isdecimal() or ord(character) in OVER_LETTERS


def days(first: date, last: date) -> tuple[Mark, ...]:
    """Return the marks of these days, both included: whole months by one mark each."""
    marks = []
    day = first
    while day <= last:
        following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        if day.day == 1 and following - timedelta(days=1) <= last:
            marks.append(Mark("m", str(day.year * 12 + day.month - 1)))
            day = following
        else:
            marks.append(Mark("d", str((day - EPOCH).days)))
            day += timedelta(days=1)
    return tuple(marks)
