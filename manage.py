#!/usr/bin/env python3
"""Django's command line for this site: migrate, runchat, createsuperuser and the rest."""

from __future__ import annotations

import os
import sys

INTERRUPTED = 130
"""What shells say of who ended by Ctrl+C."""


def main() -> None:
    """Run the command named on the command line.

    A setting or a database that is no good ends it with one line, and Ctrl+C with none: not with a traceback.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    # Imported here: a missing virtual environment should be told of below, and settings load late.
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db.utils import OperationalError
    except ImportError as error:
        sys.exit(f"manage.py: {error}. Is the virtual environment active? `make run` makes one and uses it.")
    try:
        execute_from_command_line(sys.argv)
    except ModuleNotFoundError as error:
        module = os.environ["DJANGO_SETTINGS_MODULE"]
        if "--traceback" in sys.argv or not error.name or not f"{module}.".startswith(f"{error.name}."):
            raise
        sys.exit(f"manage.py: DJANGO_SETTINGS_MODULE is {module}, and there is no module {error.name}")
    except (ImproperlyConfigured, OperationalError, KeyboardInterrupt) as error:
        if "--traceback" in sys.argv:
            raise
        if isinstance(error, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        told = str(error).strip() or type(error).__name__
        if isinstance(error, OperationalError):
            told = f"The database does not answer: {told.splitlines()[0]}"
        sys.exit(f"manage.py: {told}")


if __name__ == "__main__":
    main()
