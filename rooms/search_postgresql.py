"""The index of words on PostgreSQL: one GIN index, walked from the newest messages on.

A GIN index tells all the rows that have some words, in no order; of a frequent word that is a million of
them, to be sorted for the twenty newest. So each message has marks besides its words: which block of 2^10,
of 2^14, of 2^18 ids it lies in. Blocks are asked one after the other, in the order of ids, by one statement
that goes only as far as it must: small blocks at first, greater ones where the small ones are behind. Where a
great block holds more than one wants to see, its smaller ones are asked in its place. So a frequent word
touches few small blocks, and a rare one few entries of the index, whatever the block's size.

Which words come one after the other no GIN index tells: whether a phrase is in a text is asked of the rows
that have all its words, and of so many of them only.
"""

from __future__ import annotations

from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rooms.search_words import Mark, Wanted

LEVELS = (10, 14, 18)
"""How many bits of an id are inside a block of each size."""
STEP = 4
MANY = 2 ** LEVELS[0]
"""How many ids of one block are read: all that a smallest one can have. More, and its parts are asked."""

EXAMINED = 20_000
"""In how many of the messages that have all its words a phrase is looked for: that takes half a second."""
EXAMINED_AT_ONCE = 256

WORDS = "rooms_message_words(id, room_id, author_id::text, created_at, body)"
"""What is indexed, as the index has it."""

WALK = """
SELECT block.n, hit.id
FROM generate_series(%s::bigint, %s::bigint, %s::bigint) AS block(n)
CROSS JOIN LATERAL (
    SELECT id FROM rooms_message
    WHERE kind = 'message' AND body <> '' {all}
      AND {words} @@ ('''{level}:' || block.n || '''')::tsquery
      {among}
    LIMIT {many}
) AS hit
LIMIT {most}
"""
EXAMINE = """
SELECT id FROM rooms_message
WHERE id = ANY(%s) AND kind = 'message' AND body <> ''
  AND to_tsvector('simple'::regconfig, rooms_folded(body)) @@ %s::tsquery
"""


def ids(
    wanted: Wanted,
    limit: int,
    *,
    low: int,
    high: int,
    ascending: bool = False,
    rooms: Collection[int] | None = None,
) -> list[int]:
    """Return the ids of messages that have all that is wanted, from `low` to `high`, in order.

    `rooms`, where given, are the only rooms that count: those too many for marks. A phrase is looked for in
    the first `EXAMINED` messages that have all the words.
    """
    texts = _folded(wanted)
    if low > high or not all(texts):  # PostgreSQL sees no word where we did: nothing has it.
        return []
    words, phrases = texts[: len(texts) - len(wanted.phrases)], texts[len(texts) - len(wanted.phrases) :]
    groups = ["|".join(map(_mark, group)) for group in wanted.marks]
    walk = _Walk(words + groups, rooms, ascending=ascending)
    found: Iterator[int] = (key for key in walk.between(low, high) if low <= key <= high)
    if any(len(phrase) > 1 for phrase in wanted.phrases):
        found = _examined(found, _all(phrases))
    return list(islice(found, limit))


def _folded(wanted: Wanted) -> list[str]:
    """Return as tsqueries' texts each word that is wanted, then each phrase."""
    asked = [*dict.fromkeys(word for phrase in wanted.phrases for word in phrase)]
    asked += [" ".join(phrase) for phrase in wanted.phrases]
    one = "phraseto_tsquery('simple', rooms_folded(%s))::text"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join([one] * len(asked))}", asked)
        return list(cursor.fetchone())


def _all(parts: list[str]) -> str:
    return " & ".join(f"({part})" for part in parts)


def _examined(keys: Iterator[int], query: str) -> Iterator[int]:
    """Yield those of the messages, in their order, that the whole query is true of."""
    few = islice(keys, EXAMINED)
    while some := list(islice(few, EXAMINED_AT_ONCE)):
        with connection.cursor() as cursor:
            cursor.execute(EXAMINE, [some, query])
            true = {key for (key,) in cursor.fetchall()}
        yield from (key for key in some if key in true)


def _mark(mark: Mark) -> str:
    value = mark.value.replace("\\", "\\\\").replace("'", "''")
    return f"'{mark.letter}:{value}'"


class _Walk:
    """One query, asked block by block in the order of ids."""

    def __init__(self, queries: list[str], rooms: Collection[int] | None, *, ascending: bool) -> None:
        # Each is a condition of its own: a GIN index leaps over what one of several lacks, but inside of a
        # single query goes through all that its rarest part has, which here is a whole block. Words come
        # first: one that no message has ends it at once.
        self._queries = queries
        self._rooms = None if rooms is None else list(rooms)
        self._step = 1 if ascending else -1

    def between(self, low: int, high: int) -> Iterator[int]:
        """Yield what the blocks hold that these ids lie in: small blocks first, then greater ones."""
        here, end = (low, high) if self._step > 0 else (high, low)
        for level in LEVELS:
            last = end >> level
            if level != LEVELS[-1]:
                last = self._nearer(last, self._last_in(here >> level, STEP))
            yield from self._blocks(level, here >> level, last)
            if last == end >> level:
                return
            here = (last + self._step) << level

    def _nearer(self, one: int, other: int) -> int:
        return min(one, other) if self._step > 0 else max(one, other)

    def _last_in(self, block: int, bits: int) -> int:
        """Return the last block, in the order of reading, of the greater one that a block lies in."""
        return block | ((1 << bits) - 1) if self._step > 0 else block >> bits << bits

    def _blocks(self, level: int, first: int, last: int) -> Iterator[int]:
        """Yield what some blocks of one size hold."""
        most = MANY + 1
        while (last - first) * self._step >= 0:
            rows = self._ask(level, first, last, most)
            groups = [(n, [key for _n, key in group]) for n, group in groupby(rows, key=itemgetter(0))]
            if len(rows) == most and len(groups[-1][1]) <= MANY:
                groups.pop()  # It may be cut short, and is asked again, first of the next.
            for block, keys in groups:
                if len(keys) > MANY:
                    finer = (block << STEP, (block << STEP) + (1 << STEP) - 1)
                    yield from self._blocks(level - STEP, *finer[:: self._step])
                else:
                    yield from sorted(keys, reverse=self._step < 0)
            if len(rows) < most:
                return
            first = groups[-1][0] + self._step

    def _ask(self, level: int, first: int, last: int, most: int) -> list[tuple[int, int]]:
        # An addition keeps PostgreSQL from reading an index of rooms, which may be the greater part of all.
        among = "" if self._rooms is None else "AND room_id + 0 = ANY(%s)"
        every = f"AND {WORDS} @@ %s::tsquery " * len(self._queries)
        statement = WALK.format(level=level, among=among, many=MANY + 1, most=most, all=every, words=WORDS)
        rooms = [] if self._rooms is None else [self._rooms]
        with connection.cursor() as cursor:
            cursor.execute(statement, [first, last, self._step, *self._queries, *rooms])
            return list(cursor.fetchall())
