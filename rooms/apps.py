"""Rooms as a Django app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig, apps
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import IntegrityError, connections
from django.db.backends.signals import connection_created
from django.db.models import DateField
from django.db.models.signals import post_delete, post_migrate, post_save, pre_save
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest


class RoomsConfig(AppConfig):
    """Chat rooms and their log."""

    name = "rooms"
    verbose_name = _("Rooms")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, and hear of changed accounts."""
        # The checks register themselves; they need the app registry.
        from rooms import checks, database_checks, site_checks, sqlite  # noqa: F401

        connection_created.connect(sqlite.close_failed_cursors, dispatch_uid="rooms.sqlite")

        user_model = get_user_model()
        # The signals of a proxy are its own, and of a model with a table beside the user model's as well.
        accounts = [model for model in apps.get_models() if _are_accounts(model, user_model)]
        for model in accounts:
            post_save.connect(_account_saved, sender=model, dispatch_uid=f"rooms.saved.{model._meta.label}")
        for model in (*accounts, self.get_model("ApiToken")):
            post_delete.connect(_deleted, sender=model, dispatch_uid=f"rooms.deleted.{model._meta.label}")
        post_save.connect(_token_saved, sender=self.get_model("ApiToken"), dispatch_uid="rooms.token_saved")
        user_login_failed.connect(_login_failed, dispatch_uid="rooms.login_failed")
        user_logged_in.connect(_logged_in, dispatch_uid="rooms.logged_in")
        for name in ("ChatRoom", "Message", "AuditEntry"):
            pre_save.connect(_loaded, sender=self.get_model(name), dispatch_uid=f"rooms.loaded.{name}")
        post_migrate.connect(_migrated, sender=self, dispatch_uid="rooms.migrated")
        user_logged_out.connect(_logged_out, dispatch_uid="rooms.logged_out")


def _are_accounts(model: type[Model], user_model: type[Model]) -> bool:
    """Tell whether a model has accounts: the user model, one derived from it, or one that it derives from."""
    concrete = model._meta.concrete_model or model
    return issubclass(concrete, user_model) or issubclass(user_model, concrete)


def _migrated(*, using: str, **_rest: Any) -> None:
    """Let the index of words follow the messages again, where a migration rebuilt their table."""
    from rooms import search_sqlite

    search_sqlite.restore_triggers(connections[using])


def _loaded(*, sender: Any, instance: Any, raw: bool, using: str, **_rest: Any) -> None:
    """Refuse a row of a dump in the place of one that is there: what was redacted since would come back.

    A room where nothing has happened gives way: the migrations make one.

    Raises:
        IntegrityError: its key is another's.
    """
    if not raw:
        return
    there = sender._base_manager.using(using).filter(pk=instance.pk)
    if sender._meta.model_name == "chatroom":
        there = there.exclude(last_message_id=0, access_version=0)
    if there.exists():
        told = f"{sender._meta.label} {instance.pk} is there already"
        raise IntegrityError(f"{told}: a dump is loaded into an empty database.")


def _account_saved(
    *, sender: Any, created: bool, update_fields: frozenset[str] | None, raw: bool, **_rest: Any
) -> None:
    """Ask access again, unless moments alone changed: when somebody logged in last, or was last seen."""
    moments = {field.name for field in sender._meta.concrete_fields if isinstance(field, DateField)}
    if raw or (update_fields is not None and update_fields <= moments):
        return
    if created and not sender._meta.parents:  # The row of a derived model may be made for an old account.
        return
    _accounts_changed()


def _token_saved(*, created: bool, raw: bool, **_rest: Any) -> None:
    """Ask again who somebody is: a token may be another's now."""
    if not (created or raw):
        _accounts_changed()


def _deleted(**_rest: Any) -> None:
    _accounts_changed()


def _login_failed(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_rest: Any) -> None:
    from rooms import lockouts

    lockouts.failed(lockouts.name_in(credentials), request)


def _logged_in(*, user: Any, request: HttpRequest | None = None, **_rest: Any) -> None:
    from rooms import lockouts

    lockouts.succeeded(user.get_username(), request)


def _logged_out(*, request: HttpRequest | None, user: object, **_rest: Any) -> None:
    """Ask again whose sessions hold. Django deletes this one after the signal: too late."""
    if user is None:
        return
    if request is not None:
        request.session.delete()
    _accounts_changed()


def _accounts_changed() -> None:
    from rooms import log

    log.accounts_changed()
