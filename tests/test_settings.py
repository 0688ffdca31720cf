"""The site's settings, as a process gets them from its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
SHOWN = (
    "ALLOWED_HOSTS",
    "CHAT_HTTPS",
    "CHAT_MAX_BODY",
    "CHAT_POLL_INTERVAL_S",
    "CHAT_SIGNUP",
    "CSRF_COOKIE_SECURE",
    "DATABASES",
    "DEBUG",
    "SECRET_KEY",
    "SECURE_HSTS_SECONDS",
    "SECURE_PROXY_SSL_HEADER",
    "SECURE_SSL_REDIRECT",
    "SESSION_COOKIE_SECURE",
    "SESSION_ENGINE",
)


def environment(data_dir: Path, variables: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "CHAT_DATA_DIR": str(data_dir), **variables}


def settings(data_dir: Path, **variables: str) -> dict[str, Any]:
    """Return what a process of this environment has."""
    code = (
        "import json; from django.conf import settings; "
        f"print(json.dumps({{name: getattr(settings, name) for name in {SHOWN!r}}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment(data_dir, variables), "DJANGO_SETTINGS_MODULE": "project.settings"},
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def manage(data_dir: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments],
        env=environment(data_dir, variables),
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_site_of_which_nothing_is_told_is_safe(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found["DEBUG"] is False
    assert found["CHAT_SIGNUP"] is False
    assert found["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert found["DATABASES"]["default"]["NAME"] == str(tmp_path / "db.sqlite3")
    assert found["SECRET_KEY"] == (tmp_path / "secret_key").read_text().strip()
    assert found["SESSION_ENGINE"] == "django.contrib.sessions.backends.db"


def test_a_secret_key_that_is_given_is_not_kept(tmp_path: Path) -> None:
    assert settings(tmp_path, SECRET_KEY="given")["SECRET_KEY"] == "given"
    assert list(tmp_path.iterdir()) == []


def test_the_numbers_of_the_realtime_service_come_from_the_environment(tmp_path: Path) -> None:
    found = settings(tmp_path, CHAT_MAX_BODY="12", CHAT_POLL_INTERVAL_S="0")
    assert found["CHAT_MAX_BODY"] == 12
    assert found["CHAT_POLL_INTERVAL_S"] == 0


def test_behind_a_proxy_cookies_are_secure_and_its_word_is_taken(tmp_path: Path) -> None:
    found = settings(tmp_path, CHAT_HTTPS="1")
    assert (
        found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is found["SECURE_SSL_REDIRECT"] is True
    )
    assert found["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    assert found["SECURE_HSTS_SECONDS"] > 0


def test_with_tls_of_its_own_no_proxy_is_believed(tmp_path: Path) -> None:
    found = settings(tmp_path, CHAT_HTTPS="direct")
    assert found["SESSION_COOKIE_SECURE"] is True
    assert found["SECURE_PROXY_SSL_HEADER"] is None


def test_plain_http_promises_nothing(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found["SESSION_COOKIE_SECURE"] is found["SECURE_SSL_REDIRECT"] is False
    assert found["SECURE_HSTS_SECONDS"] == 0
    assert found["SECURE_PROXY_SSL_HEADER"] is None


WRONG = {
    "ALLOWED_HOSTS": "http://localhost",
    "CHAT_DATA_DIR": "/dev/null/below",
    "CHAT_HTTPS": "perhaps",
    "CHAT_MAX_BODY": "0",
    "CHAT_POLL_INTERVAL_S": "often",
    "CHAT_SIGNUP": "sometimes",
    "CSRF_TRUSTED_ORIGINS": "chat.example.org",
    "DATABASE_URL": "mysql://root:hunter2@db/chat",
    "DEBUG": "please",
    "LANGUAGE_CODE": "German",
    "LOG_JSON": "yaml",
    "LOG_LEVEL": "loud",
    "TIME_ZONE": "Mars/Olympus",
}


@pytest.mark.parametrize("command", ["check", "migrate"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_one_line_that_names_the_variable(tmp_path: Path, name: str, command: str) -> None:
    done = manage(tmp_path, command, **{name: WRONG[name]})
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert line.startswith(f"manage.py: {name}")
    assert "hunter2" not in line


def test_a_traceback_is_given_to_who_asks_for_it(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", "--traceback", DEBUG="please")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize("command", ["migrate", "clearsessions"])
def test_a_database_that_does_not_answer_is_one_line_of_a_command_of_djangos_too(
    tmp_path: Path, command: str
) -> None:
    done = manage(tmp_path, command, DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/db.sqlite3")
    assert done.returncode == 1
    assert done.stderr == "manage.py: The database does not answer: unable to open database file\n"


@pytest.mark.parametrize(
    ("named", "lacking"),
    [("nowhere", "nowhere"), ("nowhere.at.all", "nowhere"), ("project.none", "project.none")],
)
def test_a_settings_module_that_is_not_there_is_one_line(tmp_path: Path, named: str, lacking: str) -> None:
    done = manage(tmp_path, "check", DJANGO_SETTINGS_MODULE=named)
    assert done.returncode == 1
    assert done.stderr == f"manage.py: DJANGO_SETTINGS_MODULE is {named}, and there is no module {lacking}\n"


def test_one_that_lacks_a_module_itself_is_told_with_where(tmp_path: Path) -> None:
    (tmp_path / "lacking.py").write_text("import nowhere\n")
    done = manage(tmp_path, "check", DJANGO_SETTINGS_MODULE="lacking", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert 'lacking.py", line 1' in done.stderr


def test_an_interruption_leaves_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "interrupted.py").write_text("raise KeyboardInterrupt\n")
    done = manage(tmp_path, "check", DJANGO_SETTINGS_MODULE="interrupted", PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_without_its_requirements_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-I", ROOT / "manage.py", "check"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "manage.py: No module named 'django'. "
        "Is the virtual environment active? `make run` makes one and uses it.\n"
    )


def test_a_public_site_passes_the_checks_for_one(tmp_path: Path) -> None:
    done = manage(
        tmp_path,
        "check",
        "--deploy",
        "--fail-level=WARNING",
        CHAT_HTTPS="proxy",
        ALLOWED_HOSTS="chat.example.org",
    )
    # A site under one host name cannot speak for the others of its domain.
    assert {
        line.split("(")[1].split(")")[0] for line in done.stderr.splitlines() if line.startswith("?:")
    } <= {
        "security.W005",
        "security.W021",
    }
