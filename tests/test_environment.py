"""Settings from the environment: what each variable takes, and the one line that refuses what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from project.environment import Environment, wrong


def env(**variables: str) -> Environment:
    return Environment(variables)


@pytest.mark.parametrize(
    ("value", "meant"), [("1", True), ("On", True), ("no", False), ("0", False), (" ", True)]
)
def test_a_flag_is_on_off_or_its_default(value: str, meant: bool) -> None:
    assert env(A=value).flag("A", default=True) is meant


@pytest.mark.parametrize("value", ["2", "maybe", "yes please"])
def test_a_flag_that_says_neither_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^DEBUG is 1 or 0; it is "):
        env(DEBUG=value).flag("DEBUG", default=False)


def test_a_number_keeps_its_bounds() -> None:
    assert env(N="1").number("N", 5, least=1, most=9) == 1
    assert env(N="9").number("N", 5, least=1, most=9) == 9
    assert env().number("N", 5, least=1, most=9) == 5


def test_only_a_number_that_need_not_be_whole_takes_a_fraction() -> None:
    assert env(N="2.5").number("N", 1.0, least=0, most=9) == 2.5
    with pytest.raises(ImproperlyConfigured, match="N is a whole number from 0 to 9"):
        env(N="2.5").number("N", 1, least=0, most=9)


@pytest.mark.parametrize("value", ["0", "10", "-1", "+1", "1e0", "٥", "0x1", "nan", "inf", "1_0", "1" * 5000])
def test_a_number_out_of_bounds_or_not_in_digits_is_refused(value: str) -> None:
    for default in (5, 5.0):
        with pytest.raises(ImproperlyConfigured, match="^N is a "):
            env(N=value).number("N", default, least=1, most=9)


def test_words_lie_between_commas() -> None:
    assert env(W=" a, b ,,c").words("W") == ["a", "b", "c"]
    assert env().words("W") == []


def test_hosts_are_names_and_addresses_without_port() -> None:
    hosts = ["chat.example.org", ".example.org", "192.168.1.7", "[::1]", "*", "my_box"]
    assert env(H=",".join(hosts)).hosts("H", "") == hosts


@pytest.mark.parametrize("host", ["https://a.example", "a.example:8000", "a b", "a/b", "::1"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="^ALLOWED_HOSTS is host names without scheme or port"):
        env(ALLOWED_HOSTS=f"localhost,{host}").hosts("ALLOWED_HOSTS", "")


def test_origins_have_a_scheme_and_no_path() -> None:
    assert env(O="https://a.example,http://b:8000").origins("O") == ["https://a.example", "http://b:8000"]


@pytest.mark.parametrize(
    "origin", ["a.example", "https://a.example/", "ftp://a.example", "https://", "*", "https://[::1"]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="^CSRF_TRUSTED_ORIGINS is origins"):
        env(CSRF_TRUSTED_ORIGINS=origin).origins("CSRF_TRUSTED_ORIGINS")


def test_a_choice_is_taken_in_any_case() -> None:
    assert env(L="Warning").choice("L", "info", {"info": "INFO", "warning": "WARNING"}) == "WARNING"
    with pytest.raises(ImproperlyConfigured, match="^L is one of info, warning; it is 'loud'"):
        env(L="loud").choice("L", "info", {"info": "INFO", "warning": "WARNING"})


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="^TIME_ZONE is a time zone such as"):
        env(TIME_ZONE=zone).time_zone("TIME_ZONE", "UTC")
    assert env(TIME_ZONE="Europe/Berlin").time_zone("TIME_ZONE", "UTC") == "Europe/Berlin"


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    assert env(D=str(wanted)).directory("D", Path("unused")) == wanted
    assert wanted.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match=r"^D: .* cannot be made: Not a directory$"):
        env(D=str(tmp_path / "file" / "below")).directory("D", Path("unused"))


def test_a_directory_of_somebody_who_is_not_there_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="^D is a folder; it is '~nobody-of-that-name/x'$"):
        env(D="~nobody-of-that-name/x").directory("D", Path("unused"))


@given(st.text())
def test_a_refusal_is_one_short_line_whatever_the_value(value: str) -> None:
    told = str(wrong("A", "is one thing", value))
    assert len(told) < 120
    assert told.isprintable()
    assert told.isascii()
