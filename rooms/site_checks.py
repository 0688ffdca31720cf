"""What `manage.py check`, and every start, says of the site that the rooms are installed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.http import Http404
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import NoReverseMatch, URLPattern, resolve, reverse
from django.utils.module_loading import import_string

from rooms import entrance, filekeeping
from rooms.options import options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

APPS = ("auth", "contenttypes", "sessions", "messages", "staticfiles")
MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)
PROCESSORS = (
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
)
FIXED = {
    "USE_TZ": (True, "Moments are told to readers all over the world."),
    "FORCE_SCRIPT_NAME": (None, "The API and its socket are at the root of a host: give the chat one."),
    "SESSION_COOKIE_PATH": ("/", "The pages and the API, at /api/, have one session."),
    "CSRF_COOKIE_PATH": ("/", "The pages and the API, at /api/, have one token."),
    "CSRF_HEADER_NAME": ("HTTP_X_CSRFTOKEN", "Clients of the API send X-CSRFToken."),
}
"""What must be as Django has it of itself, and why."""

SAMPLES = {"SlugConverter": "a", "StringConverter": "a", "IntConverter": 1}
OF_THE_SITE = frozenset({"login", "logout"})
"""Where the site's own page answers, it does what the rooms' would."""


@checks.register
def site_has_what_pages_ask(**_context: Any) -> list[checks.CheckMessage]:
    """Return what the rooms' pages would fail without."""
    return [*_missing_apps(), *_missing_middleware(), *_missing_of_templates(), *_changed()]


def _missing_apps() -> Iterator[checks.CheckMessage]:
    for name in APPS:
        if not apps.is_installed(f"django.contrib.{name}"):
            yield checks.Error(f"INSTALLED_APPS holds django.contrib.{name}.", id="rooms.E022")


def _missing_middleware() -> Iterator[checks.CheckMessage]:
    for path in MIDDLEWARE:
        if not any(_is(path, one) for one in settings.MIDDLEWARE):
            yield checks.Error(
                f"MIDDLEWARE holds {path}.",
                hint="One of your own that derives from it will do.",
                id="rooms.E006",
            )


def _missing_of_templates() -> Iterator[checks.CheckMessage]:
    try:
        found: Any = get_template("rooms/base.html")
    except TemplateDoesNotExist:
        yield checks.Error("TEMPLATES finds no templates of apps: set APP_DIRS.", id="rooms.E025")
        return
    for path in PROCESSORS:
        if path not in found.template.engine.context_processors:
            yield checks.Error(f"TEMPLATES: context_processors holds {path}.", id="rooms.E025")


def _is(wanted: str, path: str) -> bool:
    """Tell whether a middleware is the one of this path, or derives from it."""
    if path == wanted:
        return True
    try:
        found = import_string(path)
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, import_string(wanted))


def _changed() -> Iterator[checks.CheckMessage]:
    for name, (value, why) in FIXED.items():
        if getattr(settings, name) != value:
            yield checks.Error(f"{name} is {value!r}.", hint=why, id="rooms.E023")


@checks.register(checks.Tags.urls)
def pages_are_reached(**_context: Any) -> list[checks.CheckMessage]:
    """Return whether the site has the rooms' pages, and which it answers by others of its own."""
    if not settings.ROOT_URLCONF:
        return []
    try:
        reverse("rooms:index")
    except NoReverseMatch:
        return [
            checks.Error(
                f"{settings.ROOT_URLCONF} does not include rooms.urls.",
                hint='Add path("chat/", include("rooms.urls")) to its urlpatterns, with whatever prefix.',
                id="rooms.E024",
            )
        ]
    return [*_hidden_pages(), *_no_log_in(), *_hidden_log_in()]


def _no_log_in() -> Iterator[checks.CheckMessage]:
    try:
        if entrance.leads_somewhere():
            return
    except NoReverseMatch:
        pass
    yield checks.Warning(
        f"LOGIN_URL, {settings.LOGIN_URL!r}, leads to no page.",
        hint='Where the site has no page to log in by, let it be "rooms:login".',
        id="rooms.W009",
    )


def _hidden_log_in() -> Iterator[checks.CheckMessage]:
    """Yield it where the site has a page to log in by, and ours answers at its address."""
    url = str(settings.LOGIN_URL)
    own = "login" if "/" in url else url
    try:
        is_there_too = own != "rooms:login" and reverse(own) == urlsplit(entrance.address()).path
    except NoReverseMatch:
        return
    if is_there_too and entrance.is_ours():
        yield checks.Warning(
            f"The rooms' page to log in by, {entrance.address()}, hides the site's own, named {own!r}.",
            hint=f"In {settings.ROOT_URLCONF} include rooms.urls after it, or with another prefix.",
            id="rooms.W010",
        )


def _hidden_pages() -> Iterator[checks.CheckMessage]:
    from rooms.urls import urlpatterns

    hidden = [address for pattern in _named(urlpatterns) if (address := _address_of_another(pattern))]
    if hidden:
        yield checks.Warning(
            f"Other pages of this site are where the rooms have theirs: {', '.join(hidden)}.",
            hint=f"In {settings.ROOT_URLCONF} include rooms.urls with another prefix, or before them.",
            id="rooms.W007",
        )


def _named(patterns: Sequence[Any]) -> Iterator[URLPattern]:
    for one in patterns:
        if isinstance(one, URLPattern):
            yield one
        else:
            yield from _named(one.url_patterns)


def _address_of_another(pattern: URLPattern) -> str:
    """Return where a page of the rooms would be, "" where it is there."""
    if pattern.name in OF_THE_SITE:
        return ""
    converters = pattern.pattern.converters
    sample = {name: SAMPLES[type(one).__name__] for name, one in converters.items()}
    address = reverse(f"rooms:{pattern.name}", kwargs=sample)
    try:
        found = resolve(address)
    except Http404:
        return address
    return "" if found.func is pattern.callback else address


@checks.register(checks.Tags.files)
def files_have_a_place(**_context: Any) -> list[checks.CheckMessage]:
    """Return it where what people send would lie among the files that the site shows everybody."""
    if not options.uploads or filekeeping.ALIAS in settings.STORAGES:
        return []
    return [
        checks.Warning(
            f"STORAGES has no {filekeeping.ALIAS!r}: what people send is kept in the default storage, "
            "which sites show to everybody.",
            hint="Give it a folder that no web server shows (docs/installing.md), or set CHAT_UPLOADS to 0.",
            id="rooms.W008",
        )
    ]
