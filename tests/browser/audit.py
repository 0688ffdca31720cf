"""What is asked of every page, for everybody to be able to use it: axe's rules, and what it cannot see."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCRIPT = Axe().axe_script
TARGET_PX = 44
HALF_A_PIXEL = 0.5

SMALL_TARGETS = """(least) => {
  // WCAG 2.5.8, with the size of 2.5.5: a link within a sentence may be as high as its line, and what a
  // label stands for is as large as the label. What waits for a hand to come near is not there yet.
  const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], label";
  const inSentence = (one) => one.matches("a") && getComputedStyle(one).display === "inline"
    && one.parentElement.textContent.trim() !== one.textContent.trim();
  const labelled = (one) => Array.from(one.labels ?? []).some((label) => {
    const { width, height } = label.getBoundingClientRect();
    return width >= least && height >= least;
  });
  return Array.from(document.querySelectorAll(all)).filter((one) => {
    if (one.matches("label") && !one.querySelector("input[type=checkbox], input[type=radio]")) return false;
    if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) return false;
    if (one.closest("[inert], .unseen, .skip")) return false;
    const { width, height } = one.getBoundingClientRect();
    return (width < least || height < least) && !inSentence(one) && !labelled(one);
  }).map((one) => {
    const { width, height } = one.getBoundingClientRect();
    return `${Math.round(width)} x ${Math.round(height)}: ${one.outerHTML.slice(0, 160)}`;
  });
}"""

SIDEWAYS = """() => {
  const { scrollWidth, clientWidth } = document.scrollingElement;
  if (scrollWidth <= clientWidth) return [];
  const over = Array.from(document.querySelectorAll("body *")).filter((one) => {
    const { left, right, width } = one.getBoundingClientRect();
    return width && (right > clientWidth + 0.5 || left < -0.5) && one.checkVisibility();
  });
  return [`${scrollWidth} > ${clientWidth}`, ...over.slice(0, 4).map((one) => one.outerHTML.slice(0, 160))];
}"""


def found_by_axe(page: Page, within: str | None = None) -> list[str]:
    """Return what axe finds wrong with what is shown, all of it or within one element, a line for each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(SCRIPT)
    options = {"runOnly": TAGS, "resultTypes": ["violations"], "preload": False}
    result: dict[str, Any] = page.evaluate(
        "([within, options]) => axe.run(within ?? document, options)", [within, options]
    )
    return [
        f"{rule['id']}: {node['html'][:200]} ({'; '.join(one['message'] for one in _checks(node))})"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


def _checks(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [*node["any"], *node["all"], *node["none"]]


def small_targets(page: Page, least_px: float = TARGET_PX) -> list[str]:
    """Return what is there to be pressed and smaller than a fingertip."""
    found: list[str] = page.evaluate(SMALL_TARGETS, least_px - HALF_A_PIXEL)
    return [f"small: {one}" for one in found]


def sideways(page: Page) -> list[str]:
    """Return what is wider than the page, where that scrolls sideways."""
    found: list[str] = page.evaluate(SIDEWAYS)
    return [f"sideways: {one}" for one in found]


def zoom_is_forbidden(page: Page) -> list[str]:
    """Return what keeps people from zooming."""
    told = page.locator("meta[name=viewport]").get_attribute("content") or ""
    return [f"zoom: {told}"] if "user-scalable" in told or "maximum-scale" in told else []
