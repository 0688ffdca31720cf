"""This site's settings, from the environment: docs/operations.md lists the variables.

A site that needs more (its own user model, an e-mail server) has a settings module of its own,
`from project.settings import *`, and names it in DJANGO_SETTINGS_MODULE.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from project import logs
from project.databases import database, direct
from project.environment import Environment
from project.secret import kept_key
from realtime.config import Config
from rooms import sqlite
from rooms.policy import POLICY

sqlite.use_newest()

BASE_DIR = Path(__file__).resolve().parent.parent
_env = Environment(os.environ)

# Where the site keeps what is its own: the SQLite file, the secret key, uploads.
CHAT_DATA_DIR = _env.directory("CHAT_DATA_DIR", BASE_DIR / "var")
# Whether strangers may make themselves an account.
CHAT_SIGNUP = _env.flag("CHAT_SIGNUP", default=False)
# Whether everybody with an account may make rooms, or the site's staff alone.
CHAT_MEMBERS_CREATE_ROOMS = _env.flag("CHAT_MEMBERS_CREATE_ROOMS", default=True)
# For how many days `manage.py prunehistory` leaves text where its room does not say; 0 is for good.
CHAT_KEEP_DAYS = cast("int", _env.number("CHAT_KEEP_DAYS", 0, least=0, most=36_500))
# Whether people may send files, and of which types: `image/*`, `application/pdf`, `*/*` for all.
CHAT_UPLOADS: int
CHAT_UPLOAD_MAX_MB: int
CHAT_UPLOAD_TYPES = _env.words("CHAT_UPLOAD_TYPES", "*/*")
# How many MiB of files one user may upload in a day; 0: as many as they like.
CHAT_UPLOAD_MB_PER_DAY = cast("int", _env.number("CHAT_UPLOAD_MB_PER_DAY", 200, least=0, most=1_000_000))
# Where a user's public name on the wire comes from: the dotted path of a function of the user.
CHAT_DISPLAY_NAME = _env.text("CHAT_DISPLAY_NAME")
# For how many seconds after it was sent a message may be edited; 0: for ever.
CHAT_EDIT_WINDOW_S = _env.number("CHAT_EDIT_WINDOW_S", 0, least=0, most=10 * 365 * 24 * 3600)
# The longest body of a message, in code points, and the realtime service's numbers: CHAT_POLL_INTERVAL_S,
# CHAT_CONNECTIONS and so on. Their defaults and bounds stand in realtime/config.py alone.
CHAT_MAX_BODY: int
for _field in fields(Config):
    _name, _least, _most = (_field.metadata[key] for key in ("setting", "least", "most"))
    globals()[_name] = _env.number(_name, cast("float", _field.default), least=_least, most=_most)

DEBUG = _env.flag("DEBUG", default=False)
SECRET_KEY = _env.text("SECRET_KEY") or kept_key(CHAT_DATA_DIR / "secret_key")
ALLOWED_HOSTS = _env.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = _env.origins("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    # First, so that a word that Django's apps translate too is said as the rest of our pages say it.
    "rooms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "project",
    "realtime",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "project.headers.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": database(_env.text("DATABASE_URL"), CHAT_DATA_DIR)}
# Where servers tell each other what they wrote: the database itself, where a pooler stands before it.
LISTEN_DATABASE = direct(_env.text("LISTEN_DATABASE_URL"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "auth.User"
# Who failed too often waits, whatever form they use; the suspended are not let in.
AUTHENTICATION_BACKENDS = ["rooms.backends.PatienceBackend", "rooms.backends.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "rooms:login"
LOGIN_REDIRECT_URL = "rooms:index"
LOGOUT_REDIRECT_URL = "rooms:login"

# The languages of the pages, and that of whoever has chosen none and whose browser wants none of them.
LANGUAGES = [("en", "English"), ("ar", "Arabic")]
LANGUAGE_CODE = _env.choice("LANGUAGE_CODE", "en", {code: code for code, _name in LANGUAGES})
FORMAT_MODULE_PATH = "project.formats"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
TIME_ZONE = _env.time_zone("TIME_ZONE", "UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
MEDIA_ROOT = CHAT_DATA_DIR / "uploads"
# Where runchat serves the files, their addresses change with them. Whoever has them collected for another
# server sets STATIC_ROOT, and they are plain. What people send is under `chat`, which no URL leads to: the
# service gives it to those who may see it.
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "realtime.edition.EditionStorage"},
    "chat": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": MEDIA_ROOT,
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}

LOGGING = logs.configuration(
    level=_env.choice("LOG_LEVEL", "info", {name.lower(): name for name in logs.LEVELS}),
    as_json=_env.flag("LOG_JSON", default=False),
)

# How browsers reach the site: "proxy" is a reverse proxy that speaks TLS, and sets X-Forwarded-Proto itself
# whatever the client sent; "direct" is TLS on a listening endpoint of our own; "off" is plain HTTP.
CHAT_HTTPS = _env.choice(
    "CHAT_HTTPS",
    "off",
    {"off": "off", "0": "off", "proxy": "proxy", "1": "proxy", "on": "proxy", "direct": "direct"},
)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CHAT_HTTPS == "proxy" else None
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CHAT_HTTPS != "off"
LANGUAGE_COOKIE_SECURE = CHAT_HTTPS != "off"
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if CHAT_HTTPS != "off" else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CONTENT_SECURITY_POLICY = POLICY
