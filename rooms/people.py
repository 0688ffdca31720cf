"""Rows about people: who belongs to a room, who is shut out, who was invited, what each has read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rooms.guards import AccessManager, AccountManager, here_alone

if TYPE_CHECKING:
    from datetime import datetime

    from rooms.models import ChatRoom


def in_force(now: datetime | None = None) -> Q:
    """Return the condition of having no end, or one that is not reached."""
    return Q(until__isnull=True) | Q(until__gt=now or timezone.now())


def _as_there(row: models.Model, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a save that brings no old row back: of itself Django inserts one that is gone."""
    return options if row._state.adding else {**options, "force_update": True}


class AccessRow(models.Model):
    """What somebody may do in a room. Each change takes the room's lock and raises its version."""

    objects = AccessManager()

    room: models.ForeignKey[ChatRoom, ChatRoom]
    room_id: int

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row; readers of its room, and of the one that it was in, are asked again.

        Raises:
            TypeError: it is to go to another database.
            DatabaseError: the row is an old one, and was removed meanwhile.
        """
        from rooms import log

        here_alone(kwargs.get("using") or self._state.db)
        with log.changing_access(self._rooms()):
            super().save(*args, **_as_there(self, kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Remove the row; readers of its room are asked for their access again."""
        from rooms import log

        with log.changing_access(self._rooms()):
            return super().delete(*args, **kwargs)

    def _rooms(self) -> set[int]:
        """Return the room that the row names, and the one that it is in by the database."""
        return {self.room_id, *type(self).objects.filter(pk=self.pk).values_list("room", flat=True)}


class Membership(AccessRow):
    """Somebody belongs to a room, in a role."""

    class Role(models.TextChoices):
        """What a member may do beyond reading and posting."""

        OWNER = "owner", _("owner")
        MODERATOR = "moderator", _("moderator")
        MEMBER = "member", _("member")

    room = models.ForeignKey(
        "rooms.ChatRoom",
        models.CASCADE,
        verbose_name=_("room"),
        related_name="memberships",
        db_index=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="room_memberships",
    )
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.MEMBER)
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "user"], name="rooms_membership_once")
        ]

    def __str__(self) -> str:
        """Show who is what; the room is where this is shown."""
        return f"{self.user_id}: {self.get_role_display()}"


class Sanction(AccessRow):
    """Something that somebody may not do in a room, until a moment or for good."""

    reason = models.CharField(_("reason"), max_length=250, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True, help_text=_("Empty: for good."))
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        """Show who; the room is where this is shown."""
        return f"{self.user_id}"  # type: ignore[attr-defined]


class Ban(Sanction):
    """Somebody is shut out of a room: neither reads nor posts."""

    room = models.ForeignKey(
        "rooms.ChatRoom",
        models.CASCADE,
        verbose_name=_("room"),
        related_name="bans",
        db_index=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="room_bans",
    )

    class Meta:
        verbose_name = _("ban")
        verbose_name_plural = _("bans")
        constraints: ClassVar = [models.UniqueConstraint(fields=["room", "user"], name="rooms_ban_once")]


class Mute(Sanction):
    """Somebody reads in a room and does not post."""

    room = models.ForeignKey(
        "rooms.ChatRoom",
        models.CASCADE,
        verbose_name=_("room"),
        related_name="mutes",
        db_index=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="room_mutes",
    )

    class Meta:
        verbose_name = _("mute")
        verbose_name_plural = _("mutes")
        constraints: ClassVar = [models.UniqueConstraint(fields=["room", "user"], name="rooms_mute_once")]


class Suspension(models.Model):
    """Somebody is shut out of the site, until a moment or for good: their account counts as disabled."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="chat_suspension",
    )
    reason = models.CharField(_("reason"), max_length=250, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True, help_text=_("Empty: for good."))
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    objects = AccountManager()

    class Meta:
        verbose_name = _("suspension")
        verbose_name_plural = _("suspensions")

    def __str__(self) -> str:
        """Show who."""
        return f"{self.user_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the row; who is who is asked again on the whole site.

        Raises:
            DatabaseError: the row is an old one, and was removed meanwhile.
        """
        from rooms import log

        with log.changing_accounts():
            super().save(*args, **_as_there(self, kwargs))

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Remove the row, in the same way."""
        from rooms import log

        with log.changing_accounts():
            return super().delete(*args, **kwargs)


class Invitation(models.Model):
    """A link into a room: only its digest is kept. It ends at a moment, or when it was used so often."""

    room = models.ForeignKey(
        "rooms.ChatRoom", models.CASCADE, verbose_name=_("room"), related_name="invitations"
    )
    digest = models.CharField(_("digest"), max_length=64, unique=True, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        # Without a maker a link would be the server's, and good again.
        models.CASCADE,
        verbose_name=_("made by"),
        related_name="room_invitations",
        null=True,
        blank=True,
    )
    created_at = models.DateTimeField(_("made at"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("good until"))
    uses_left = models.PositiveIntegerField(_("uses left"))

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        """Show which it is; never the digest."""
        return f"{self.pk}"


class ReadMarker(models.Model):
    """How far somebody has read in a room, and whether they want to be told of what comes there."""

    room = models.ForeignKey(
        "rooms.ChatRoom",
        models.CASCADE,
        verbose_name=_("room"),
        related_name="read_markers",
        db_index=False,
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="room_read_markers",
    )
    last_read_id = models.BigIntegerField(_("last read"), default=0)
    muted = models.BooleanField(_("muted for oneself"), default=False)

    class Meta:
        verbose_name = _("read marker")
        verbose_name_plural = _("read markers")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "user"], name="rooms_read_marker_once")
        ]

    def __str__(self) -> str:
        """Show who has read how far; the room is where this is shown."""
        return f"{self.user_id}: {self.last_read_id}"


class Mention(models.Model):
    """A message names somebody who could see it when it was sent. Written by `rooms.log` alone."""

    message = models.ForeignKey(
        "rooms.Message", models.CASCADE, verbose_name=_("message"), related_name="mentions"
    )
    room = models.ForeignKey("rooms.ChatRoom", models.CASCADE, verbose_name=_("room"), db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("user"),
        related_name="room_mentions",
        db_index=False,
    )

    class Meta:
        verbose_name = _("mention")
        verbose_name_plural = _("mentions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "room", "message"], name="rooms_mention_once")
        ]

    def __str__(self) -> str:
        """Show who is named where."""
        return f"{self.user_id} in {self.message_id}"
