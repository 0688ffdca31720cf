"""The log: what was sent in can forge no line, and what must stay private is not in it."""

from __future__ import annotations

import json
import logging
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from project.logs import JsonFormatter, LineFormatter, configuration, escaped


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("rooms", logging.INFO, __file__, 1, message, args, info)


def throw(error: Exception, cause: Exception | None) -> NoReturn:
    raise error from cause


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        throw(error, cause)
    except type(error) as found:
        return found


def test_a_line_says_when_how_bad_and_who() -> None:
    one = record("%s joined", "ana")
    one.created = 1_763_640_000.1234
    assert LineFormatter().format(one) == "2025-11-20T12:00:00.123Z INFO rooms: ana joined"


@given(st.text(st.characters(exclude_categories=())))
def test_a_record_is_one_line_that_every_stream_takes(text: str) -> None:
    for formatter in (LineFormatter(), JsonFormatter()):
        line = formatter.format(record("%s", text))
        assert len(line.splitlines()) == 1
        assert "\x1b" not in line
        line.encode()


def test_what_steers_a_terminal_is_written_out() -> None:
    assert escaped("a\x1b[2Jb\r\nc\x85d\u202ee\ud800") == r"a\x1b[2Jb\r\nc\x85d\u202ee\ud800"


def test_words_in_any_script_stay_as_they_are() -> None:
    assert escaped("naïve Ελληνικά 日本 🙂") == "naïve Ελληνικά 日本 🙂"


def test_no_line_of_a_traceback_looks_like_a_record() -> None:
    forged = "2026-11-20T12:00:00.123Z INFO rooms: all is well"
    line = LineFormatter().format(record("failed", error=raised(ValueError(f"bad\n{forged}\r{forged}"))))
    assert all(rest.startswith("    ") for rest in line.split("\n")[1:])
    assert line.splitlines() == line.split("\n")


def test_json_holds_the_traceback_in_the_same_line() -> None:
    told = json.loads(JsonFormatter().format(record("failed", error=raised(ValueError("bad")))))
    assert told["message"] == "failed"
    assert told["level"] == "INFO"
    assert told["traceback"].endswith("ValueError: bad")


@pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()])
def test_the_row_that_postgresql_quotes_is_withheld(formatter: logging.Formatter) -> None:
    database = raised(
        ValueError(
            'violates check constraint "c"\nDETAIL:  Failing row contains (7, a secret\nsecond line).\n'
        ),
    )
    django = raised(RuntimeError(str(database)), cause=database)
    line = formatter.format(record("append: %s", django, error=raised(KeyError("later"), cause=django)))
    assert "violates check constraint" in line
    assert "secret" not in line
    assert "second line" not in line


def test_statements_with_their_parameters_are_not_logged_at_debug() -> None:
    assert configuration(level="DEBUG", as_json=False)["loggers"]["django.db.backends"]["level"] == "INFO"


def test_a_refused_host_is_one_line_without_a_traceback() -> None:
    one = record("Invalid HTTP_HOST header: 'evil.example'.", error=raised(ValueError("evil.example")))
    one.name = "django.security.DisallowedHost"
    for formatter in (LineFormatter(), JsonFormatter()):
        text = formatter.format(one)
        assert "Invalid HTTP_HOST" in text
        assert "Traceback" not in text


@pytest.mark.parametrize("formatter", [LineFormatter(), JsonFormatter()])
def test_a_one_time_link_whose_request_is_refused_is_not_told(formatter: logging.Formatter) -> None:
    one = record("Forbidden (CSRF cookie not set.): %s", "/first-admin/SECRET-of_0123456789abcdefghijklmnop/")
    one.name = "django.security.csrf"
    line = formatter.format(one)
    assert "/first-admin/SECR" in line
    assert "0123456789" not in line
