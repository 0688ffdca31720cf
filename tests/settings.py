"""The site's settings for a test run: its own, but for what would only make tests slow."""

from __future__ import annotations

from project.settings import *  # noqa: F403

# The real hashing of passwords takes a tenth of a second each.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
