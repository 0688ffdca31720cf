"""The site's secret key, made at first use and kept in a file that only its owner reads."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key


def kept_key(path: Path) -> str:
    """Return the key that the file at `path` holds; where there is none, make it, mode 0600.

    Processes that start together all get the key of the one that came first: the file appears
    whole (a hard link of a finished one) or not at all, and never replaces another.
    """
    try:
        if not path.exists():
            _make(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ImproperlyConfigured(
            f"The secret key cannot be kept in {path}: {reason}. Set SECRET_KEY"
        ) from None
    if not key:
        raise ImproperlyConfigured(f"{path} is empty: remove it, or set SECRET_KEY")
    return key


def _make(path: Path) -> None:
    descriptor, draft = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(get_random_secret_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its key is the site's
            os.link(draft, path)
    finally:
        Path(draft).unlink()
