"""The system checks tell a site what the realtime service needs of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path, re_path
from django.views.static import serve

from realtime import checks
from tests.support_inline import Inline

PLAIN_FILES = {**settings.STORAGES, "staticfiles": {"BACKEND": checks.DJANGOS_STORAGE}}
MANIFEST = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}


def page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class Urls:
    """The URLs of a site with an API of its own."""

    urlpatterns = [
        path("", page),
        path("api/", include([path("v1/users/", page)])),
        path("v2/", include([path("api/", page)])),
        re_path(r"^files/(?P<name>\w+)$", page),
        re_path(r"^(?P<language>\w\w)/api/$", page),
        path("ws", page),
        path("ws/other", page),
        path("<slug:any>/", page),
        re_path(r"^static/(?P<path>.*)$", serve),
        path("static/own.css", page),
    ]


def test_this_site_needs_nothing() -> None:
    assert [one for one in run_checks() if str(one.id).startswith("realtime.")] == []


def test_pages_that_nobody_would_reach_are_named() -> None:
    with override_settings(ROOT_URLCONF=Urls):
        [warning] = checks.paths_are_its_own()
    assert warning.id == "realtime.W001"
    assert warning.msg.endswith(" not reached: /api/, /files/, /static/own.css, /ws.")


@pytest.mark.database
def test_the_paths_told_are_those_that_the_service_answers(chat: Inline) -> None:
    root: Any = chat.service.site.resource
    served = {prefix.decode() for prefix, _part in root._parts}
    assert served - {settings.STATIC_URL} == set(checks.OWN_PATHS)


def test_scripts_one_by_one_are_warned_of_where_nothing_else_serves_them(tmp_path: Path) -> None:
    with override_settings(STORAGES=PLAIN_FILES):
        [warning] = checks.files_can_be_kept()
        assert warning.id == "realtime.W002"
        with override_settings(STATIC_ROOT=str(tmp_path)):
            assert checks.files_can_be_kept() == []
    with override_settings(STORAGES={**PLAIN_FILES, "staticfiles": MANIFEST}):
        assert checks.files_can_be_kept() == []


@pytest.mark.parametrize("url", [None, "/"])
def test_static_files_that_would_take_every_path_are_refused(url: str | None) -> None:
    with override_settings(STATIC_URL=url):
        [error] = checks.files_can_be_kept()
    assert error.id == "realtime.E003"


@pytest.mark.postgresql
def test_a_driver_that_no_deadline_interrupts_is_refused() -> None:
    assert checks.driver_can_be_interrupted() == []
    with mock.patch("django.db.backends.postgresql.psycopg_any.is_psycopg3", new=True):
        [error] = checks.driver_can_be_interrupted()
    assert error.id == "realtime.E002"


def test_on_sqlite_any_driver_of_postgresql_may_be_there() -> None:
    assert checks.driver_can_be_interrupted() == []
