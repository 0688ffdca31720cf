"""Colours that stand on each other differ enough to be read, light and dark (WCAG 2.2: 1.4.3, 1.4.11)."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

TOKENS = (Path(__file__).parent.parent / "rooms/static/rooms/css/tokens.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", half)) for half in TOKENS.split("@media", 1)
)
THEMES = {"light": LIGHT, "dark": {**LIGHT, **DARK}}

GROUNDS = ("page", "surface", "raised", "mine")
TEXT = 4.5
SHAPE = 3.0
PAIRS = [
    *((over, under, TEXT) for over, under in product(("text", "quiet", "accent", "danger", "good"), GROUNDS)),
    *((f"on-{name}", name, TEXT) for name in ("accent", "warn", "danger")),
    ("on-accent", "accent-strong", TEXT),
    *(("on-hue", f"hue-{number}", TEXT) for number in range(8)),
    *((f"hue-{number}", under, TEXT) for number, under in product(range(8), ("page", "surface"))),
    *(("focus", under, SHAPE) for under in GROUNDS),
]
"""What is laid on what, and how much it must differ from it."""


def luminance(colour: str) -> float:
    """Return a colour's relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return how much two colours differ, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_as_far_as_it_goes() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_dark_has_each_colour_that_light_has() -> None:
    assert DARK.keys() == LIGHT.keys()


@pytest.mark.parametrize("theme", THEMES)
def test_colours_can_be_told_apart(theme: str) -> None:
    colours = THEMES[theme]
    pale = {
        f"{over} on {under}": round(contrast(colours[over], colours[under]), 2)
        for over, under, least in PAIRS
        if contrast(colours[over], colours[under]) < least
    }
    assert pale == {}
