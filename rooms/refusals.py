"""What is refused, in the language of the page that shows it.

A refusal travels in English, as docs/protocol.md has it, and is translated by what it says: a sentence as it
is, one with values in it by the sentence that it was made of. So whoever refuses says why once, in words, and
need not know of languages. `js/view/refusals.js` does the same in the browser.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.text import capfirst
from django.utils.translation import get_language, pgettext
from django.utils.translation.trans_real import DjangoTranslation, translation
from django.views.i18n import JavaScriptCatalog

CONTEXT = "refusal"
FIELD = re.compile("^[a-z_]+: ")
"""What a refusal may begin with: the wire's name for the field that it is about."""


def in_words(detail: str) -> str:
    """Return why something is refused, without the name of a field before it."""
    english = FIELD.sub("", detail)
    words = pgettext(CONTEXT, english)
    if words != english:
        return words
    for made, text in _sentences(get_language() or "en"):
        if found := made.fullmatch(english):
            return text % found.groupdict()
    return capfirst(english)


@cache
def translations(language: str) -> dict[str, str]:
    """Return the translations of all that can be refused, by the English after the context and U+0004."""
    every = words_of(translation(language)).items()
    return {key: text for key, text in every if key.startswith(f"{CONTEXT}\x04") and isinstance(text, str)}


def words_of(of: DjangoTranslation) -> dict[str, str | list[str]]:
    """Return a whole catalog as Django gives it to scripts: the forms of a plural are a list."""
    view = JavaScriptCatalog()
    view.translation = of
    return view.get_catalog()


@cache
def _sentences(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Return the translations of sentences with values, each with what finds the values in the English."""
    return [
        (re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(key.partition("\x04")[2]))), text)
        for key, text in translations(language).items()
        if "%(" in key
    ]
