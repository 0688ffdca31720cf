"""Somebody's Django site, made as Django makes one, and then given the chat as docs/installing.md says."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.system.server import ROOT

DOCUMENT = (ROOT / "docs/installing.md").read_text(encoding="utf-8")
PASSWORD = "a long passphrase"

FILES = {
    "members/__init__.py": "",
    "members/migrations/__init__.py": "",
    "members/models.py": """
import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class Members(BaseUserManager):
    def create_user(self, email, password=None, **more):
        user = self.model(email=self.normalize_email(email), **more)
        user.set_password(password)
        user.save()
        return user


class Member(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    called = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    objects = Members()
    USERNAME_FIELD = "email"

    def get_short_name(self):
        return self.called
""",
    "members/pages.py": """
from django.http import HttpResponse
from django.shortcuts import render


def home(request):
    return render(request, "base.html")


def deploy(request):
    from rooms.models import ChatRoom, Message

    message = Message.objects.create(room=ChatRoom.objects.get(slug="lobby"), body="deployed")
    return HttpResponse(str(message.pk))


def stamp(get_response):
    def respond(request):
        response = get_response(request)
        response["X-Mine"] = "yes"
        return response

    return respond
""",
    "templates/base.html": "<!doctype html><title>Mine</title><h1>{% block h %}My site{% endblock %}</h1>",
    "templates/404.html": '{% extends "base.html" %}{% block h %}Mine is not there{% endblock %}',
    "templates/registration/login.html": '{% extends "base.html" %}{% block h %}<form method="post">'
    "{% csrf_token %}{{ form }}</form>{% endblock %}",
}
SETTINGS = """
INSTALLED_APPS += ["members"]
AUTH_USER_MODEL = "members.Member"
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
MIDDLEWARE += ["members.pages.stamp"]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LANGUAGE_CODE = "de"
TIME_ZONE = "Europe/Berlin"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""
URLS = """
from django.urls import include
from members import pages

urlpatterns += [
    path("", pages.home),
    path("deploy/", pages.deploy),
    path("accounts/", include("django.contrib.auth.urls")),
]
"""
WSGI = """
inner = application


def application(environ, start_response):
    def begin(status, headers, *rest):
        return start_response(status, [*headers, ("X-Wrapped", "yes")], *rest)

    return inner(environ, begin)
"""
PEOPLE = """
from members.models import Member
from rooms.accounts import issue_token

for name in ("Ana", "Ben"):
    user = Member.objects.create_user(f"{name.lower()}@example.org", %r, called=name)
    print(issue_token(user, "test"))
"""


def told(file: str, *, on_postgresql: bool) -> str:
    """Return what the document says to write into a file."""
    block = _block(f"In `{file}`")
    if on_postgresql and "sqlite" in block:
        rest = [line for line in block.splitlines(keepends=True) if "sqlite" not in line]
        return "".join([*rest, _block("On PostgreSQL")])
    return block


def _block(beginning: str) -> str:
    """Return what stands below the line that begins so."""
    [block] = re.findall(rf"^{re.escape(beginning)}.*:\n\n((?:    .*\n|\n)+)", DOCUMENT, re.MULTILINE)
    return re.sub("^    ", "", block, flags=re.MULTILINE)


class ForeignSite:
    """A site in a folder, and the two apps as `pip install` brings them, without the rest of this project."""

    def __init__(self, folder: Path, database: dict[str, str]) -> None:
        """Make the site, as it is before there is a chat, on SQLite as Django has it, or on this database."""
        self._database = database
        self.folder = folder / "site"
        self.folder.mkdir()
        self._packages = folder / "packages"
        # Those of the run are of another site.
        kept = {key: one for key, one in os.environ.items() if not key.startswith(("CHAT_", "DJANGO_"))}
        self.environment = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PYTHONPATH": str(self._packages),
        }
        self._unpack(folder)
        self._run("-m", "django", "startproject", "mysite", ".", DJANGO_SETTINGS_MODULE="")
        for name, text in FILES.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.add("mysite/settings.py", SETTINGS)
        if database:
            self.add("mysite/settings.py", f'DATABASES["default"] = {database!r}\n')
        self.add("mysite/urls.py", URLS)
        self.add("mysite/wsgi.py", WSGI)
        self.manage("makemigrations", "members")
        self.manage("migrate")

    def _unpack(self, folder: Path) -> None:
        """Make the package, by the backend that its makers bring along: nothing is fetched."""
        build = [sys.executable, "-m", "uv", "build", "--quiet", "--offline", "--wheel"]
        subprocess.run([*build, "--out-dir", folder / "dist", ROOT], check=True, capture_output=True)
        [wheel] = (folder / "dist").glob("*.whl")
        with zipfile.ZipFile(wheel) as packed:
            packed.extractall(self._packages)

    def add(self, file: str, text: str) -> None:
        """Write something at the end of a file."""
        with (self.folder / file).open("a", encoding="utf-8") as opened:
            opened.write(f"\n{text}")

    def install(self) -> None:
        """Do what the document says."""
        for file in ("mysite/settings.py", "mysite/urls.py"):
            self.add(file, told(file, on_postgresql=bool(self._database)))
        if not self._database and importlib.util.find_spec("pysqlite3") is None:
            self.add("mysite/settings.py", 'SILENCED_SYSTEM_CHECKS = ["rooms.W004"]\n')

    def people(self) -> list[str]:
        """Make Ana and Ben, and return their tokens."""
        return self.manage("shell", "--verbosity", "0", "--command", PEOPLE % PASSWORD).split()

    def manage(self, *arguments: str, expected: int = 0) -> str:
        """Run a command of the site and return all that it said."""
        return self._run("manage.py", *arguments, expected=expected)

    def _run(self, *arguments: str, expected: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stdout
        return done.stdout
