"""The index of words on PostgreSQL: one GIN index, walked from the newest messages on.

A GIN index tells all the rows that have some words, in no order; of a frequent word that is a million of
them, to be sorted for the twenty newest. So each message has marks besides its words: which block of 2^10,
of 2^14, of 2^18 ids it lies in. Blocks are asked one after the other, in the order of ids, by one statement
that goes only as far as it must: small blocks at first, greater ones where the small ones are behind. Where a
great block holds more than one wants to see, its smaller ones are asked in its place. So a frequent word
touches few small blocks, and a rare one few entries of the index, whatever the block's size.

Which words come one after the other no GIN index tells: whether a phrase is in a text is asked of the rows
that have all its words, and of so many of them only.

The index follows the log: to write a GIN index takes longer than all else of a message, and an append holds
its rooms locked. In the transaction that writes a message, triggers put it into `rooms_unindexed` for as long
as it is not indexed as it stands; `index_some` takes it out again. A search reads what is in there, too.
"""

from __future__ import annotations

import logging
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connection, transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from rooms.search_words import Mark, Wanted

logger = logging.getLogger(__name__)

LEVELS = (10, 14, 18)
"""How many bits of an id are inside a block of each size."""
STEP = 4
MANY = 2 ** LEVELS[0]
"""How many ids of one block are read: all that a smallest one can have. More, and its parts are asked."""

EXAMINED = 20_000
"""In how many of the messages that have all its words a phrase is looked for: that takes half a second."""
EXAMINED_AT_ONCE = 256

FEW = 200
"""How many messages that are not indexed a search reads. Where there are more, it indexes them first."""
INDEXED_AT_ONCE = 1_000

TAKE = """
DELETE FROM rooms_unindexed WHERE message IN (
    SELECT message FROM rooms_unindexed ORDER BY message LIMIT %s FOR UPDATE SKIP LOCKED
)
RETURNING message
"""
INDEX = """
WITH found AS MATERIALIZED (
    SELECT one.* FROM unnest(%s::bigint[]) AS taken(key) CROSS JOIN LATERAL (
        SELECT id, room_id, rooms_message_words(id, room_id, author_id::text, created_at, body) AS words
        FROM rooms_message WHERE id = taken.key AND kind = 'message' AND body <> '' LIMIT 1
    ) AS one
), gone AS (
    DELETE FROM rooms_words WHERE message = ANY(%s) AND message NOT IN (SELECT id FROM found)
)
INSERT INTO rooms_words SELECT id, room_id, words FROM found ORDER BY id
ON CONFLICT (message) DO UPDATE SET words = excluded.words
"""
READ = """
SELECT message, words IS NOT NULL AND id BETWEEN %s AND %s {all} {among}
FROM rooms_unindexed LEFT JOIN LATERAL (
    SELECT id, room_id AS room, rooms_message_words(id, room_id, author_id::text, created_at, body) AS words
    FROM rooms_message WHERE id = message AND kind = 'message' AND body <> '' LIMIT 1
) AS stands ON true
"""
WALK = """
SELECT block.n, hit.message
FROM generate_series(%s::bigint, %s::bigint, %s::bigint) AS block(n)
CROSS JOIN LATERAL (
    SELECT message FROM rooms_words
    WHERE true {all}
      AND words @@ ('''{level}:' || block.n || '''')::tsquery
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
    # In this order: what is indexed meanwhile is found by the walk.
    unindexed = walk.unindexed(low, high)
    indexed = (key for key in walk.between(low, high) if low <= key <= high and key not in unindexed)
    fitting = sorted((key for key, fits in unindexed.items() if fits), reverse=not ascending)
    found: Iterator[int] = merge(fitting, indexed, reverse=not ascending)
    if any(len(phrase) > 1 for phrase in wanted.phrases):
        found = _examined(found, _all(phrases))
    return list(islice(found, limit))


def index_some() -> bool:
    """Index what is not, a thousand messages at most, and return whether there may be more.

    What somebody else is indexing, or changes just now, is passed over.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TAKE, [INDEXED_AT_ONCE])
        taken = [key for (key,) in cursor.fetchall()]
        if taken:
            # Another statement, which sees every change that was committed before these were taken.
            cursor.execute(INDEX, [taken, taken])
    return len(taken) == INDEXED_AT_ONCE


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

    def unindexed(self, low: int, high: int) -> dict[int, bool]:
        """Return the ids of all that is not indexed as it stands, each with whether it is found."""
        _index_most()
        statement = READ.format(all=self._all, among=self._among)
        with connection.cursor() as cursor:
            cursor.execute(statement, [low, high, *self._given])
            return dict(cursor.fetchall())

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
        statement = WALK.format(level=level, all=self._all, among=self._among, many=MANY + 1, most=most)
        with connection.cursor() as cursor:
            cursor.execute(statement, [first, last, self._step, *self._given])
            return list(cursor.fetchall())

    @property
    def _all(self) -> str:
        return "AND words @@ %s::tsquery " * len(self._queries)

    @property
    def _among(self) -> str:
        return "" if self._rooms is None else "AND room = ANY(%s)"

    @property
    def _given(self) -> list[Any]:
        return [*self._queries, *([] if self._rooms is None else [self._rooms])]


def _index_most() -> None:
    """Index what is not, but for a few. Where that fails, it is read instead, which takes longer."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT message FROM rooms_unindexed LIMIT %s", [FEW + 1])
        many = len(cursor.fetchall()) > FEW
    try:
        while many:
            many = index_some()
    except DatabaseError:
        logger.warning("Messages could not be indexed for a search, which reads them", exc_info=True)
