"""Dates with a time: Django has none for Arabic, and would take the English."""

from __future__ import annotations

DATETIME_FORMAT = "j F Y، g:i A"
SHORT_DATETIME_FORMAT = "d\u200f/m\u200f/Y، g:i A"
