"""Rows about files: what people uploaded to send with messages, and what of the storage no row claims."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar, Never

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rooms.guards import FILES_STAY, FileManager
from rooms.messages import File

KEY_BYTES = 18
"""Its text is as long as what the access log takes for a secret, and cuts."""


def new_key() -> str:
    """Return what a file is asked for by: nobody guesses it."""
    return secrets.token_urlsafe(KEY_BYTES)


class Attachment(models.Model):
    """A file in storage, for one room: uploaded, then sent with one message, then perhaps withheld.

    Which message it is in changes under the room's lock alone.
    """

    key = models.CharField(_("key"), max_length=32, unique=True, default=new_key, editable=False)
    room = models.ForeignKey(
        "rooms.ChatRoom", models.PROTECT, verbose_name=_("room"), related_name="attachments"
    )
    uploader = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("uploaded by"),
        related_name="room_attachments",
        null=True,
        db_index=False,
    )
    message = models.ForeignKey(
        "rooms.Message",
        # Whoever removes a message says first what becomes of the bytes.
        models.PROTECT,
        verbose_name=_("message"),
        related_name="attachments",
        null=True,
        db_index=False,
    )
    position = models.PositiveSmallIntegerField(_("place in the message"), default=0)
    withheld_by = models.BigIntegerField(
        _("withheld by"), null=True, help_text=_("The id of the redaction that took it from readers.")
    )
    name = models.CharField(_("name"), max_length=150)
    type = models.CharField(_("type"), max_length=60)
    size = models.PositiveBigIntegerField(_("bytes"))
    width = models.PositiveIntegerField(_("width"), null=True)
    height = models.PositiveIntegerField(_("height"), null=True)
    path = models.CharField(_("path in storage"), max_length=100, unique=True)
    preview_size = models.PositiveIntegerField(_("bytes of the preview"), null=True)
    created_at = models.DateTimeField(_("uploaded at"), default=timezone.now, editable=False)

    objects = FileManager()

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        indexes: ClassVar = [
            models.Index(fields=["uploader", "created_at"], name="rooms_attachment_uploader"),
            models.Index(
                fields=["message", "position"],
                name="rooms_attachment_message",
                condition=Q(message__isnull=False),
            ),
            models.Index(
                fields=["created_at"], name="rooms_attachment_unsent", condition=Q(message__isnull=True)
            ),
            models.Index(
                fields=["id"], name="rooms_attachment_withheld", condition=Q(withheld_by__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        """Show which it is; never its name."""
        return f"{self.room_id}/{self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the row of a new file.

        Raises:
            TypeError: it is an old one.
            IntegrityError: another has its key or its path.
        """
        if not self._state.adding:
            raise TypeError(FILES_STAY)
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *_args: Any, **_kwargs: Any) -> Never:
        """Refuse: nobody would know of its bytes.

        Raises:
            TypeError: always.
        """
        raise TypeError(FILES_STAY)

    def told(self) -> File:
        """Return it as messages tell of it."""
        return File(
            self.key, self.name, self.type, self.size, self.width, self.height, self.preview_size is not None
        )


class LooseFile(models.Model):
    """A path in storage that no `Attachment` claims: not yet, or not any more. Its bytes may be there.

    Written before the bytes are, and with the end of the row that claimed them: whatever is cut off between
    storage and database leaves one of these, and no bytes that nobody knows of.
    """

    path = models.CharField(_("path in storage"), max_length=100, unique=True)
    since = models.DateTimeField(_("since"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("loose file")
        verbose_name_plural = _("loose files")

    def __str__(self) -> str:
        """Show where it lies."""
        return self.path
