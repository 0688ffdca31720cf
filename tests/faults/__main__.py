"""`python -m tests.faults`: runs faults, prints a table, and exits 1 where a demand is missed."""

from __future__ import annotations

import sys

from tests.faults.command import main

sys.exit(main())
