"""The system checks refuse settings that the rooms cannot work with."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core import checks
from django.db import connection
from django.test import SimpleTestCase, override_settings

BACKENDS = "django.contrib.auth.backends"
PATIENCE = "rooms.backends.PatienceBackend"
SESSIONS = "django.contrib.sessions.backends"


def not_callable_path() -> str:
    return "rooms.checks.MAX_BODY"


def kept_in(folder: str) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": folder},
    }


class ByPhone(ModelBackend):
    """A site's own way to log in."""


class Elsewhere:
    """A router to a replica."""

    def db_for_read(self, _model: type, **_hints: object) -> str:
        return "replica"


def found() -> set[str | None]:
    return {message.id for message in checks.run_checks()}


class Checks(SimpleTestCase):
    def test_the_settings_of_this_site_are_sound(self) -> None:
        self.assertEqual({one for one in found() if one and one.startswith("rooms.")}, set())

    def test_each_kind_of_nonsense_is_refused(self) -> None:
        without_csrf = [name for name in settings.MIDDLEWARE if "csrf" not in name]
        nonsense: list[tuple[str, dict[str, Any]]] = [
            ("rooms.E001", {"CHAT_MAX_BODY": 0}),
            ("rooms.E001", {"CHAT_MAX_BODY": 10_001}),
            ("rooms.E001", {"CHAT_MAX_BODY": "4000"}),
            ("rooms.E001", {"CHAT_MAX_BODY": True}),
            ("rooms.E002", {"CHAT_SIGNUP": "no"}),
            ("rooms.E012", {"CHAT_EDIT_WINDOW_S": -1}),
            ("rooms.E012", {"CHAT_EDIT_WINDOW_S": 10 * 365 * 24 * 3600 + 1}),
            ("rooms.E012", {"CHAT_EDIT_WINDOW_S": "60"}),
            ("rooms.E012", {"CHAT_EDIT_WINDOW_S": True}),
            ("rooms.E015", {"CHAT_KEEP_DAYS": -1}),
            ("rooms.E016", {"CHAT_UPLOAD_TYPES": ["pictures"]}),
            ("rooms.E016", {"CHAT_UPLOAD_TYPES": []}),
            ("rooms.E017", {"CHAT_UPLOAD_MB_PER_DAY": -1}),
            ("rooms.E018", {"STORAGES": {"chat": {"BACKEND": "nowhere.Storage"}}}),
            ("rooms.E019", {"STORAGES": {"chat": kept_in("/srv/static/x")}, "STATIC_ROOT": "/srv/static"}),
            ("rooms.E015", {"CHAT_KEEP_DAYS": 36_501}),
            ("rooms.E015", {"CHAT_KEEP_DAYS": "30"}),
            ("rooms.E003", {"CHAT_DISPLAY_NAME": "nowhere.at_all"}),
            ("rooms.E003", {"CHAT_DISPLAY_NAME": "nodots"}),
            ("rooms.E003", {"CHAT_DISPLAY_NAME": "..names.of"}),
            ("rooms.E003", {"CHAT_DISPLAY_NAME": not_callable_path()}),
            ("rooms.E004", {"SESSION_ENGINE": f"{SESSIONS}.signed_cookies"}),
            ("rooms.E004", {"SESSION_ENGINE": f"{SESSIONS}.cache"}),
            ("rooms.E005", {"CSRF_USE_SESSIONS": True}),
            ("rooms.E006", {"MIDDLEWARE": without_csrf}),
            ("rooms.E007", {"AUTHENTICATION_BACKENDS": ["nowhere.Backend"]}),
            ("rooms.W002", {"AUTHENTICATION_BACKENDS": ["rooms.backends.AccountBackend"]}),
            ("rooms.W002", {"AUTHENTICATION_BACKENDS": [f"{BACKENDS}.ModelBackend", PATIENCE]}),
            ("rooms.W003", {"AUTHENTICATION_BACKENDS": [PATIENCE, f"{BACKENDS}.ModelBackend"]}),
            ("rooms.W003", {"AUTHENTICATION_BACKENDS": [PATIENCE, "tests.test_checks.ByPhone"]}),
            ("rooms.W001", {"AUTHENTICATION_BACKENDS": [f"{BACKENDS}.AllowAllUsersModelBackend"]}),
        ]
        for expected, changed in nonsense:
            with self.subTest(changed), override_settings(**changed):
                self.assertIn(expected, found())

    def test_what_is_in_bounds_passes(self) -> None:
        sound: list[dict[str, Any]] = [
            {"CHAT_MAX_BODY": 1},
            {"CHAT_MAX_BODY": 10_000},
            {"CHAT_EDIT_WINDOW_S": 0},
            {"CHAT_EDIT_WINDOW_S": 900},
            {"CHAT_DISPLAY_NAME": "rooms.accounts.display_name"},
            {"SESSION_ENGINE": f"{SESSIONS}.cached_db"},
            {"CHAT_UPLOAD_TYPES": ["image/*", "application/pdf"], "CHAT_UPLOAD_MB_PER_DAY": 0},
        ]
        for changed in sound:
            with self.subTest(changed), override_settings(**changed):
                self.assertEqual({one for one in found() if one and one.startswith("rooms.")}, set())

    def test_a_user_model_without_the_flags_is_refused(self) -> None:
        # A group is no user, which is what makes it one that lacks everything.
        from django.contrib.auth.models import Group

        with mock.patch("rooms.checks.get_user_model", return_value=Group):
            self.assertIn("rooms.E008", found())

    def test_other_databases_are_refused(self) -> None:
        with mock.patch.object(type(connection._connections[connection._alias]), "vendor", "oracle"):  # type: ignore[attr-defined]
            self.assertIn("rooms.E009", found())

    def test_sqlite_without_its_room_lock_is_refused(self) -> None:
        if connection.vendor != "sqlite":
            pytest.skip("a setting of SQLite's")
        with mock.patch.dict(connection.settings_dict["OPTIONS"], {"transaction_mode": "DEFERRED"}):
            self.assertIn("rooms.E010", found())

    def test_a_connection_for_each_unit_of_work_is_warned_of(self) -> None:
        with mock.patch.dict(connection.settings_dict, {"CONN_MAX_AGE": 0}):
            self.assertIn("rooms.W006", found())

    def test_rooms_or_accounts_in_another_database_are_refused(self) -> None:
        with override_settings(DATABASE_ROUTERS=["tests.test_checks.Elsewhere"]):
            self.assertIn("rooms.E021", found())

    @pytest.mark.postgresql
    def test_another_isolation_than_that_of_postgresql_itself_is_refused(self) -> None:
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        for level, refused in (
            (IsolationLevel.READ_COMMITTED, False),
            (IsolationLevel.REPEATABLE_READ, True),
            (IsolationLevel.SERIALIZABLE, True),
        ):
            with (
                self.subTest(level),
                mock.patch.dict(connection.settings_dict["OPTIONS"], {"isolation_level": level}),
            ):
                self.assertEqual("rooms.E020" in found(), refused)
