"""The first rows of a new database: its epoch, and a room to talk in."""

import secrets
from typing import Any

from django.db import migrations


def make_first_rows(apps: Any, _schema_editor: Any) -> None:
    """Make them where they are not there."""
    site = apps.get_model("rooms", "SiteState")
    site.objects.get_or_create(pk=1, defaults={"epoch": secrets.token_hex(8)})
    room = apps.get_model("rooms", "ChatRoom")
    if not room.objects.exists():
        room.objects.create(slug="lobby", name="Lobby", topic="Everybody comes by here.")


class Migration(migrations.Migration):
    dependencies = [("rooms", "0001_initial")]
    operations = [migrations.RunPython(make_first_rows, migrations.RunPython.noop)]
