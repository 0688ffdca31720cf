"""Rooms and the append-only log of each: fields, constraints, indexes.

Who belongs to a room and what people read is in `rooms.people`, what moderation keeps in `rooms.moderation`;
Django finds all of them here.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, ClassVar, Never

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rooms.attachments import Attachment, LooseFile
from rooms.guards import MessageManager, RoomManager, TokenManager, here_alone
from rooms.messages import Kind
from rooms.moderation import AuditEntry, LoginFailures, Report
from rooms.people import (
    AccessRow,
    Ban,
    Invitation,
    Membership,
    Mention,
    Mute,
    ReadMarker,
    Sanction,
    Suspension,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "AccessRow", "ApiToken", "Attachment", "AuditEntry", "Ban", "ChatRoom", "Invitation", "LoginFailures",
    "LooseFile", "Membership", "Mention", "Message", "Mute", "ReadMarker", "Report", "Sanction", "SiteState",
    "Suspension", "WithheldText",
]  # fmt: skip

SLUG_PATTERN = r"[a-z0-9-]{1,64}"
LOG_KEEPS = frozenset({"slug", "pair", "last_message_id", "access_version"})
"""What a save of a room never writes: slug and pair stand for good, the others belong to `rooms.log`."""
SITE_KEEPS = frozenset({"epoch", "access_version"})
"""What a save of the state of the site never writes: `rooms.versions` does."""


def _but(kept: frozenset[str], row: models.Model, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a save that writes what they name, or else all, but for what is kept."""
    named: Iterable[str] | None = options.get("update_fields")
    if named is None:
        named = (field.name for field in row._meta.concrete_fields if not field.primary_key)
    return {**options, "update_fields": [name for name in named if name not in kept]}


class ChatRoom(models.Model):
    """A room: a name, who may come in, and how far its log goes."""

    class Visibility(models.TextChoices):
        """Who knows of a room."""

        PUBLIC = "public", _("public: everybody with an account")
        PRIVATE = "private", _("private: its members only")
        DIRECT = "direct", _("direct: two people")

    slug = models.CharField(
        _("address"),
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(
                rf"\A{SLUG_PATTERN}\Z",
                _("Small letters, digits and hyphens, at most 64."),
            )
        ],
        help_text=_("Small letters, digits and hyphens. It never changes and is never given again."),
    )
    name = models.CharField(_("name"), max_length=120)
    topic = models.CharField(_("topic"), max_length=250, blank=True)
    visibility = models.CharField(
        _("visibility"),
        max_length=10,
        choices=Visibility.choices,
        default=Visibility.PUBLIC,
    )
    open_to_guests = models.BooleanField(
        _("open to guests"),
        default=False,
        help_text=_("A public room may be read without an account."),
    )
    read_only = models.BooleanField(_("read-only"), default=False, help_text=_("Only moderators post."))
    archived_at = models.DateTimeField(
        _("archived at"),
        null=True,
        blank=True,
        help_text=_("An archived room is read, and closed to posts."),
    )
    slow_mode_s = models.PositiveIntegerField(
        _("slow mode"),
        default=0,
        help_text=_("Seconds that a member waits between two messages; 0: none."),
    )
    keep_days = models.PositiveIntegerField(
        _("days to keep"),
        null=True,
        blank=True,
        help_text=_("How long text is kept. Empty: as the site's setting says; 0: for good."),
    )
    pair = models.CharField(  # noqa: DJ001  (unique where there is one: NULLs do not collide, "" would)
        _("pair"),
        max_length=160,
        unique=True,
        null=True,
        editable=False,
        help_text=_("The keys of the two people of a direct room."),
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    last_message_id = models.BigIntegerField(_("last message id"), default=0, editable=False)
    access_version = models.BigIntegerField(_("access version"), default=0, editable=False)

    objects = RoomManager()

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering: ClassVar = ["name", "slug"]

    def __str__(self) -> str:
        """Show the room's name."""
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the room, of an old one never what `rooms.log` keeps; its readers' access is asked again.

        Raises:
            IntegrityError: the room is a new one with the key or the address of another.
        """
        if self._state.adding:
            # Of itself Django writes over the row that has this key.
            super().save(*args, **{**kwargs, "force_insert": True})
            return
        from rooms import log

        with log.changing_access([self.pk]):
            super().save(*args, **_but(LOG_KEEPS, self, kwargs))

    def clean(self) -> None:
        """Refuse a new address for an old room.

        Raises:
            ValidationError: the slug is not the one that the room was made with.
        """
        super().clean()
        if not self._state.adding and self.slug != type(self).objects.values_list("slug", flat=True).get(
            pk=self.pk
        ):
            raise ValidationError({"slug": _("The address of a room never changes.")})

    def delete(self, *_args: Any, **_kwargs: Any) -> Never:
        """Refuse: an address is never given again, so a room is archived instead.

        Raises:
            ProtectedError: always.
        """
        raise models.ProtectedError("Rooms are archived (archived_at), never deleted.", {self})


class Message(models.Model):
    """A row of a room's log. `rooms.log` alone writes it; Django's other ways go through it or raise."""

    KINDS: ClassVar = [
        (Kind.MESSAGE.value, _("message")),
        (Kind.EDIT.value, _("edit")),
        (Kind.REDACTION.value, _("redaction")),
        (Kind.REACTION.value, _("reaction")),
        (Kind.UNREACTION.value, _("reaction taken back")),
        (Kind.NOTICE.value, _("notice")),
    ]

    id = models.BigAutoField(primary_key=True)
    room = models.ForeignKey(
        ChatRoom,
        models.PROTECT,
        verbose_name=_("room"),
        related_name="messages",
        db_index=False,
    )
    kind = models.CharField(_("kind"), max_length=12, choices=KINDS, default=Kind.MESSAGE.value)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("author"),
        related_name="room_messages",
        null=True,
        blank=True,
        db_index=False,
    )
    body = models.TextField(_("text"), blank=True)
    nonce = models.CharField(_("nonce"), max_length=64)
    target = models.BigIntegerField(_("target"), null=True, blank=True)
    reply_to = models.BigIntegerField(_("in reply to"), null=True, blank=True)
    redacted = models.BooleanField(_("redacted"), default=False)
    edited_at = models.DateTimeField(_("edited at"), null=True, blank=True)
    changed = models.BigIntegerField(_("changed by"), null=True, blank=True)
    reactions = models.JSONField(
        _("reactions"),
        null=True,
        blank=True,
        help_text=_("What people reacted with, in order, each with how many and the keys of the first."),
    )
    details = models.JSONField(
        _("details"),
        null=True,
        blank=True,
        help_text=_("Of a message, whom it mentions; of a notice, what it tells."),
    )
    files = models.JSONField(
        _("files"),
        null=True,
        blank=True,
        help_text=_("What it was sent with, in order, as readers are told of it."),
    )
    created_at = models.DateTimeField(_("sent at"), default=timezone.now)

    objects = MessageManager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "author", "nonce"], name="rooms_message_nonce_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["room", "id"], name="rooms_message_log"),
            models.Index(fields=["author", "id"], name="rooms_message_author"),
            models.Index(fields=["created_at", "id"], name="rooms_message_date"),
            models.Index(
                fields=["target", "id"],
                name="rooms_message_target",
                condition=Q(target__isnull=False),
            ),
            models.Index(
                fields=["room", "id"],
                name="rooms_message_spoken",
                condition=Q(kind=Kind.MESSAGE.value),
            ),
            models.Index(
                fields=["kind", "id"],
                name="rooms_message_kind",
                condition=~Q(kind=Kind.MESSAGE.value),
            ),
            models.Index(
                fields=["room", "nonce"],
                name="rooms_message_server_nonce",
                condition=Q(author__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        """Show which row of which log this is; never its text."""
        return f"{self.room_id}/{self.pk}"

    def save(self, *_args: Any, using: str | None = None, **_kwargs: Any) -> None:
        """Append a new message to its room's log, live and in order, and take over what was stored.

        Raises:
            TypeError: the row is an old one, which `rooms.log.edit` and `rooms.log.redact` change, or it is
                to go to another database.
            rooms.log.Refusal: the log did not take it (an empty text, say).
        """
        from rooms import log

        if not self._state.adding:
            raise TypeError(
                "A message in the log is not saved again: call rooms.log.edit or rooms.log.redact."
            )
        here_alone(using)
        log.append_row(self)

    def delete(self, *_args: Any, **_kwargs: Any) -> Never:
        """Refuse: readers resume by these ids.

        Raises:
            TypeError: always.
        """
        raise TypeError("A message in the log is not deleted: call rooms.log.redact.")


class WithheldText(models.Model):
    """Text that only moderation reads: what a first edit replaced, what a redaction took."""

    message = models.ForeignKey(Message, models.CASCADE, verbose_name=_("message"), related_name="withheld")
    withheld_by = models.BigIntegerField(_("withheld by"), help_text=_("The id of the edit or redaction."))
    body = models.TextField(_("text"))

    class Meta:
        verbose_name = _("withheld text")
        verbose_name_plural = _("withheld texts")

    def __str__(self) -> str:
        """Show whose text it was; never the text."""
        return f"{self.message_id}"


def new_epoch_name() -> str:
    """Return a name for a database's life that no other will bear."""
    return secrets.token_hex(8)


class SiteState(models.Model):
    """The one row about the whole site."""

    THE_ONE: ClassVar = 1

    epoch = models.CharField(_("epoch"), max_length=32, default=new_epoch_name)
    access_version = models.BigIntegerField(_("access version"), default=0)
    first_admin_digest = models.CharField(
        _("digest of the first administrator's link"), max_length=64, blank=True
    )
    first_admin_expires_at = models.DateTimeField(_("that link's end"), null=True, blank=True)

    class Meta:
        verbose_name = _("state of the site")
        verbose_name_plural = _("state of the site")
        constraints: ClassVar = [models.CheckConstraint(condition=Q(pk=1), name="rooms_site_state_one_row")]

    def __str__(self) -> str:
        """Show the epoch."""
        return self.epoch

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row, of an old one never what `rooms.versions` keeps.

        Raises:
            IntegrityError: the row is a new one, and there is one.
        """
        options = {**kwargs, "force_insert": True} if self._state.adding else _but(SITE_KEEPS, self, kwargs)
        super().save(*args, **options)

    @classmethod
    def current(cls) -> SiteState:
        """Return the row, made where the database is new."""
        state = cls.objects.filter(pk=cls.THE_ONE).first()
        if state is None:
            with transaction.atomic():
                state, _made = cls.objects.get_or_create(pk=cls.THE_ONE)
        return state


class ApiToken(models.Model):
    """A Bearer token of a user: only its digest is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="chat_tokens",
    )
    name = models.CharField(_("name"), max_length=60, help_text=_("What it is for: a script, a device."))
    digest = models.CharField(_("digest"), max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("made at"), default=timezone.now, editable=False)

    objects = TokenManager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        """Show its name; never the digest."""
        return self.name
