"""On PostgreSQL the triggers of the index of words find its tables whatever the search path is.

What `pg_dump --data-only` wrote sets an empty one, and could not be loaded into a migrated database.
"""

import importlib
from typing import Any

from django.db import migrations

before = importlib.import_module("rooms.migrations.0006_words_follow")


def _set(editor: Any, how: str) -> None:
    if editor.connection.vendor == "postgresql":
        with editor.connection.cursor() as cursor:
            for name in before.TRIGGERS:
                cursor.execute(f"ALTER FUNCTION rooms_words_{name}() {how}")


def know(_apps: Any, editor: Any) -> None:
    """Have them look where they are now."""
    _set(editor, "SET search_path FROM CURRENT")


def forget(_apps: Any, editor: Any) -> None:
    """Have them look where their callers do."""
    _set(editor, "RESET search_path")


class Migration(migrations.Migration):
    """Tie the triggers of the index of words to their schema."""

    dependencies = [("rooms", "0007_links_go_with_their_maker")]
    operations = [migrations.RunPython(know, forget)]
