"""The rooms' own settings: a site that has none of them gets what the documents say."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.conf import settings
from django.test import override_settings

from realtime.config import Config
from rooms import checks, drafts, uploading
from rooms.messages import Draft, Kind
from rooms.options import Option, Options, options

OPTIONS: list[Option[Any]] = [one for one in vars(Options).values() if isinstance(one, Option)]


def plain(value: object) -> object:
    """Return a value as it is compared: a list of words is one, however it is kept."""
    return list(value) if isinstance(value, tuple) else value


def test_what_a_site_does_not_set_is_what_this_site_sets_of_itself() -> None:
    """The defaults stand in `rooms.options` for other sites, and in the settings for this one."""
    assert {one.name: plain(one.default) for one in OPTIONS} == {
        one.name: plain(getattr(settings, one.name)) for one in OPTIONS
    }


def test_rooms_and_service_have_the_same_defaults() -> None:
    service = {field.metadata["setting"]: field.default for field in fields(Config)}
    both = [one for one in OPTIONS if one.name in service]
    assert {one.name: one.default for one in both} == {one.name: service[one.name] for one in both}
    assert both


def test_a_setting_of_the_site_is_heard_at_each_look() -> None:
    with override_settings(CHAT_MAX_BODY=5):
        assert options.max_body == 5
    assert options.max_body == settings.CHAT_MAX_BODY


def test_a_site_that_has_none_of_them_has_rooms_all_the_same() -> None:
    with override_settings():
        for name in [name for name in dir(settings) if name.startswith("CHAT_")]:
            delattr(settings, name)
        assert not checks.settings_are_sound()
        assert drafts.unfit(Draft("lobby", Kind.MESSAGE, None, "n", "x" * 4_000)) is None
        assert drafts.unfit(Draft("lobby", Kind.MESSAGE, None, "n", "x" * 4_001)) is not None
        assert uploading.bounds()["maxBytes"] == 10 * 1024 * 1024
