"""The settings of that site: those of a test run, with a user model of its own."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as ALL_SITES_HAVE

INSTALLED_APPS = [*ALL_SITES_HAVE, "tests.sites.text_keys"]
AUTH_USER_MODEL = "text_keys.Person"
