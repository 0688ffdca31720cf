"""What the client's script says, in the language of the page that it runs on: `js/i18n.js` reads it there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation.trans_real import DjangoTranslation

from rooms import refusals

LOCALE = Path(__file__).parent / "locale"
BEFORE_REPEATING = 200
"""No rule of plurals looks further than at a number's last two digits, but for small numbers."""


@cache
def carried(language: str) -> dict[str, Any] | None:
    """Return what a page in a language carries: its `words`, and by `plural` the index of each number's form.

    None where nothing is translated, as in English. Words are by the English, a context before it and U+0004;
    those that count are lists of forms. The result is shared: nobody may change it.
    """
    client = DjangoTranslation(language, domain="djangojs", localedirs=[str(LOCALE), *settings.LOCALE_PATHS])
    words = refusals.words_of(client)
    if not words:
        return None
    plural = "".join(str(client.plural(number)) for number in range(BEFORE_REPEATING))
    return {"plural": plural, "words": words | refusals.translations(language)}
