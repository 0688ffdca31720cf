"""What moderation keeps: reports of members, the trail of who did what to whom, and failed log-ins."""

from __future__ import annotations

from typing import Any, ClassVar, Never

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from rooms.actions import Deed, Settlement
from rooms.deed_names import NAMES
from rooms.guards import TrailManager


class Report(models.Model):
    """A member says that a message is not as it should be. It is taken care of once, by one moderator."""

    OUTCOMES: ClassVar = [
        (Settlement.DISMISSED.value, _("dismissed")),
        (Settlement.REDACTED.value, _("message redacted")),
        (Settlement.MUTED.value, _("author muted")),
        (Settlement.BANNED.value, _("author banned")),
    ]

    message = models.ForeignKey(
        "rooms.Message", models.CASCADE, verbose_name=_("message"), related_name="reports", db_index=False
    )
    room = models.ForeignKey("rooms.ChatRoom", models.CASCADE, verbose_name=_("room"), related_name="reports")
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        verbose_name=_("reporter"),
        related_name="room_reports",
    )
    reason = models.CharField(_("reason"), max_length=250, blank=True)
    created_at = models.DateTimeField(_("reported at"), default=timezone.now, editable=False)
    outcome = models.CharField(_("outcome"), max_length=12, choices=OUTCOMES, blank=True, editable=False)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("settled by"),
        related_name="room_reports_settled",
        null=True,
        editable=False,
    )
    settled_at = models.DateTimeField(_("settled at"), null=True, editable=False)

    class Meta:
        verbose_name = _("report")
        verbose_name_plural = _("reports")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "reporter"], name="rooms_report_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["id"], name="rooms_report_open", condition=Q(settled_at__isnull=True))
        ]

    def __str__(self) -> str:
        """Show which it is, of which message."""
        return f"{self.pk}: {self.message_id}"


class AuditEntry(models.Model):
    """Who did what to whom, when, why. Written once by `rooms.audit`, never changed.

    Names stand beside the keys, since the trail outlives accounts.
    """

    DEEDS: ClassVar = [(deed.value, NAMES[deed]) for deed in Deed]

    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    deed = models.CharField(_("deed"), max_length=24, choices=DEEDS)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("who"),
        related_name="chat_deeds",
        null=True,
        blank=True,
    )
    actor_name = models.CharField(_("who"), max_length=150, blank=True)
    room = models.ForeignKey(
        "rooms.ChatRoom", models.SET_NULL, verbose_name=_("room"), related_name="deeds", null=True, blank=True
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        verbose_name=_("to whom"),
        related_name="chat_deeds_about",
        null=True,
        blank=True,
    )
    person_name = models.CharField(_("to whom"), max_length=150, blank=True)
    message_id = models.BigIntegerField(_("message"), null=True, blank=True)
    reason = models.TextField(_("why"), blank=True)
    details = models.JSONField(_("details"), null=True, blank=True)

    objects = TrailManager()

    class Meta:
        verbose_name = _("entry of the trail")
        verbose_name_plural = _("audit trail")

    def __str__(self) -> str:
        """Show who did what."""
        return f"{self.actor_name}: {self.deed}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the entry, once.

        Raises:
            TypeError: it is written already.
            IntegrityError: another has its key.
        """
        if not self._state.adding:
            raise TypeError("An entry of the audit trail is never changed.")
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *_args: Any, **_kwargs: Any) -> Never:
        """Refuse.

        Raises:
            TypeError: always.
        """
        raise TypeError("An entry of the audit trail is never deleted.")


class LoginFailures(models.Model):
    """How often somebody failed to log in, by a digest of the name or of the address, known or not."""

    digest = models.CharField(_("digest"), max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(_("failures"), default=0)
    last_at = models.DateTimeField(_("last at"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("failed log-ins")
        verbose_name_plural = _("failed log-ins")

    def __str__(self) -> str:
        """Show how many; never whose."""
        return f"{self.failures}"
