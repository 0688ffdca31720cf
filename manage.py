#!/usr/bin/env python3
"""Django's command line for this site: migrate, runchat, createsuperuser and the rest."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command named on the command line; a bad setting ends it with one line, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    # Imported here: a missing virtual environment should be told of below, and settings load late.
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
    except ImportError as error:
        sys.exit(f"manage.py: {error}. Is the virtual environment active? `make run` makes one and uses it.")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"manage.py: {error}")


if __name__ == "__main__":
    main()
