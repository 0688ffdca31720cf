"""Settings as the environment gives them: text in, checked values out, one clear line where one is wrong."""

from __future__ import annotations

import re
import textwrap
import zoneinfo
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_FLAGS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
_WHOLE = re.compile("[0-9]{1,15}")
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_HOST = re.compile(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]")


class Environment:
    """The variables of one process. An empty variable counts as one that is not set.

    Every method takes a variable's name and what holds where it is not set, and raises
    `ImproperlyConfigured`, naming the variable, where its value cannot be used. A value is
    shown in that line only by methods whose values are never secret.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Read from `variables`, usually `os.environ`."""
        self._variables = variables

    def text(self, name: str, default: str = "") -> str:
        """Return the value as it is, without the space around it."""
        return self._variables.get(name, "").strip() or default

    def flag(self, name: str, *, default: bool) -> bool:
        """Return whether something is switched on: 1, true, yes, on; 0, false, no, off."""
        value = self.text(name)
        if not value:
            return default
        try:
            return _FLAGS[value.lower()]
        except KeyError:
            raise wrong(name, "is 1 or 0", value) from None

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        """Return a number within bounds, both included; a whole one where the default is."""
        value = self.text(name)
        if not value:
            return default
        whole = isinstance(default, int)
        if (_WHOLE if whole else _DECIMAL).fullmatch(value) and least <= float(value) <= most:
            return int(value) if whole else float(value)
        raise wrong(name, f"is a {'whole ' if whole else ''}number from {least} to {most}", value)

    def words(self, name: str, default: str = "") -> list[str]:
        """Return the values between commas, those that are empty left out."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def choice(self, name: str, default: str, choices: Mapping[str, str]) -> str:
        """Return what `choices` has for the value, in whichever case that is written."""
        value = self.text(name, default)
        try:
            return choices[value.lower()]
        except KeyError:
            raise wrong(name, f"is one of {', '.join(choices)}", value) from None

    def hosts(self, name: str, default: str) -> list[str]:
        """Return host names without port, as Django's ALLOWED_HOSTS takes them."""
        hosts = self.words(name, default)
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise wrong(name, "is host names without scheme or port, between commas", host)
        return hosts

    def origins(self, name: str) -> list[str]:
        """Return origins: scheme, host, and the port if there is one."""
        origins = self.words(name)
        for origin in origins:
            if not _is_origin(origin):
                raise wrong(name, "is origins such as https://chat.example.org, between commas", origin)
        return origins

    def time_zone(self, name: str, default: str) -> str:
        """Return the name of a time zone that this machine knows."""
        value = self.text(name, default)
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise wrong(name, "is a time zone such as Europe/Berlin", value) from None
        return value

    def directory(self, name: str, default: Path) -> Path:
        """Return a directory's absolute path; it exists afterwards, and a new one is its owner's alone."""
        given = Path(self.text(name, str(default)))
        try:
            path = given.expanduser().absolute()
        except RuntimeError:  # so pathlib tells of ~somebody who is nobody here
            raise wrong(name, "is a folder", str(given)) from None
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(f"{name}: {path} cannot be made: {error.strerror}") from None
        return path


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:  # an IPv6 address whose bracket is not closed
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.netloc)
        and text == f"{parts.scheme}://{parts.netloc}"
    )


def wrong(name: str, expected: str, value: str) -> ImproperlyConfigured:
    """Return the refusal of a variable's value, in one line whatever the value holds."""
    return ImproperlyConfigured(f"{name} {expected}; it is {textwrap.shorten(ascii(value), 80)}")
