"""The first rows of a new database: its epoch, and a room to talk in."""

import secrets
from typing import Any

from django.db import migrations


def make_first_rows(apps: Any, schema_editor: Any) -> None:
    """Make them where they are not there, in the database that is migrated."""
    here = schema_editor.connection.alias
    site = apps.get_model("rooms", "SiteState").objects.using(here)
    site.get_or_create(pk=1, defaults={"epoch": secrets.token_hex(8)})
    rooms = apps.get_model("rooms", "ChatRoom").objects.using(here)
    if not rooms.exists():
        rooms.create(slug="lobby", name="Lobby", topic="Everybody comes by here.")


class Migration(migrations.Migration):
    dependencies = [("rooms", "0001_initial")]
    operations = [migrations.RunPython(make_first_rows, migrations.RunPython.noop)]
