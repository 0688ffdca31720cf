"""On PostgreSQL the index of words becomes a table of its own, which follows the log a moment behind.

An append of two hundred messages spent most of its time in that index, with its rooms locked. Now triggers
note which messages are not indexed as they stand, and `rooms.search_postgresql` indexes them later; what it
has not come to yet is read by every search. A text that is withheld, or gone, leaves the index at once.

On a table with rows this reads them all: about half a minute for each million, during which nobody writes.
"""

import importlib
from typing import Any

from django.db import migrations

before = importlib.import_module("rooms.migrations.0004_search")

TABLES = """
CREATE TABLE rooms_words (message bigint PRIMARY KEY, room bigint NOT NULL, words tsvector NOT NULL);
CREATE TABLE rooms_unindexed (message bigint PRIMARY KEY);
INSERT INTO rooms_words
SELECT id, room_id, rooms_message_words(id, room_id, author_id::text, created_at, body)
FROM rooms_message WHERE kind = 'message' AND body <> '' ORDER BY id;
CREATE INDEX rooms_words_words ON rooms_words USING gin (words) WITH (fastupdate = off);
"""
SAID = """
CREATE FUNCTION rooms_words_said() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rooms_unindexed SELECT id FROM fresh WHERE kind = 'message' AND body <> '';
    RETURN NULL;
END
$$;
CREATE TRIGGER rooms_words_said AFTER INSERT ON rooms_message
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION rooms_words_said()
"""
# An entry that is there is locked, not left alone: else it could be taken, and the text from before be indexed,
# while this change is not visible yet. And words go after that: whoever indexes them now is waited for.
CHANGED = """
CREATE FUNCTION rooms_words_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rooms_unindexed
    SELECT id FROM fresh JOIN stale USING (id)
    WHERE (fresh.kind, fresh.body, fresh.room_id, fresh.author_id, fresh.created_at)
        IS DISTINCT FROM (stale.kind, stale.body, stale.room_id, stale.author_id, stale.created_at)
    ORDER BY id
    ON CONFLICT (message) DO UPDATE SET message = excluded.message;
    DELETE FROM rooms_words WHERE message IN (SELECT id FROM fresh WHERE body = '');
    RETURN NULL;
END
$$;
CREATE TRIGGER rooms_words_changed AFTER UPDATE ON rooms_message
REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION rooms_words_changed()
"""
GONE = """
CREATE FUNCTION rooms_words_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM rooms_unindexed WHERE message IN (SELECT id FROM stale);
    DELETE FROM rooms_words WHERE message IN (SELECT id FROM stale);
    RETURN NULL;
END
$$;
CREATE TRIGGER rooms_words_gone AFTER DELETE ON rooms_message
REFERENCING OLD TABLE AS stale FOR EACH STATEMENT EXECUTE FUNCTION rooms_words_gone()
"""
EMPTIED = """
CREATE FUNCTION rooms_words_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    TRUNCATE rooms_unindexed, rooms_words;
    RETURN NULL;
END
$$;
CREATE TRIGGER rooms_words_emptied AFTER TRUNCATE ON rooms_message
FOR EACH STATEMENT EXECUTE FUNCTION rooms_words_emptied()
"""
TRIGGERS = ("said", "changed", "gone", "emptied")


def follow(_apps: Any, editor: Any) -> None:
    """Make the table, with all that is there in it, and let it follow."""
    if editor.connection.vendor == "postgresql":
        with editor.connection.cursor() as cursor:
            cursor.execute("DROP INDEX rooms_message_words")
            for statement in (TABLES, SAID, CHANGED, GONE, EMPTIED):
                cursor.execute(statement)


def go_along(_apps: Any, editor: Any) -> None:
    """Make the index of before."""
    if editor.connection.vendor == "postgresql":
        with editor.connection.cursor() as cursor:
            for name in TRIGGERS:
                cursor.execute(f"DROP TRIGGER rooms_words_{name} ON rooms_message")
                cursor.execute(f"DROP FUNCTION rooms_words_{name}()")
            cursor.execute("DROP TABLE rooms_words, rooms_unindexed")
            cursor.execute(before.INDEX)


class Migration(migrations.Migration):
    """Let the index of words follow the log."""

    dependencies = [("rooms", "0005_files")]
    operations = [migrations.RunPython(follow, go_along)]
