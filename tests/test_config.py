"""The service's settings: defaults, bounds, and the check that refuses nonsense at start."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import override_settings

from realtime import checks, config


def test_without_settings_the_defaults_hold() -> None:
    assert config.from_settings(SimpleNamespace()) == config.Config()


def test_a_setting_is_taken() -> None:
    given = SimpleNamespace(CHAT_MAX_BODY=10, CHAT_POLL_INTERVAL_S=0, CHAT_CONNECTIONS=5)
    found = config.from_settings(given)

    assert (found.max_body, found.poll_interval_s, found.connections) == (10, 0, 5)


def test_behind_a_proxy_no_address_is_bounded() -> None:
    behind = config.from_settings(
        SimpleNamespace(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"))
    )

    assert behind.connections_per_address == 0
    assert config.Config().connections_per_address > 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHAT_MAX_BODY", 0),
        ("CHAT_MAX_BODY", 10_001),
        ("CHAT_MAX_BODY", "4000"),
        ("CHAT_MAX_BODY", True),
        ("CHAT_MAX_BODY", 5.5),
        ("CHAT_POLL_INTERVAL_S", -1),
        ("CHAT_POLL_INTERVAL_S", float("nan")),
        ("CHAT_CONNECTIONS", 0),
        ("CHAT_PAGE_THREADS", None),
    ],
)
def test_nonsense_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(config.ConfigError, match=name):
        config.from_settings(SimpleNamespace(**{name: value}))
    with override_settings(**{name: value}):
        assert [error.id for error in checks.settings_are_sound()] == ["realtime.E001"]


def test_the_sites_own_settings_are_sound() -> None:
    assert checks.settings_are_sound() == []
