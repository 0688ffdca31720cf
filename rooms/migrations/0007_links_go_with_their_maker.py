"""Links into rooms go with the account of their maker, whose place was left empty as the server's own is.

It asks nothing of the database: Django itself deletes what goes along.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Let links go with their maker."""

    dependencies = [
        ("rooms", "0006_words_follow"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AlterField(
            model_name="invitation",
            name="made_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="room_invitations",
                to=settings.AUTH_USER_MODEL,
                verbose_name="made by",
            ),
        ),
    ]
