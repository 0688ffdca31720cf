"""Pages speak the language that their reader chose, or else the one that their browser asks for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from django.conf import global_settings, settings
from django.contrib.auth import get_user_model
from django.template import Context, Template
from django.test import Client, SimpleTestCase, TestCase, override_settings
from django.utils.translation import deactivate, override
from django.utils.translation.trans_real import DjangoTranslation

from rooms import languages
from rooms.bounds import refusal
from rooms.catalog import LOCALE, carried
from rooms.pace import TOO_MANY_REPORTS
from rooms.refusals import in_words
from rooms.templatetags.chat_language import isolated

LOGIN = "/accounts/login/"
HTML = re.compile(r'<html lang="([^"]*)"[^>]* dir="([^"]*)"')
OFFERED = re.compile(r'name="language" value="(..)"[^>]*?( aria-current="true")?><bdi>([^<]*)<')
CARRIED = re.compile(r'<script id="catalog" type="application/json">(.*?)</script>', re.DOTALL)


@pytest.fixture(autouse=True)
def _no_language_left() -> Iterator[None]:
    """Leave the thread as it was: the middleware sets its language at the beginning of each request."""
    yield
    deactivate()


class Choosing(TestCase):
    """Which language a page is in."""

    def language(self, path: str = LOGIN, **asked: str) -> tuple[str, str]:
        """Return the language and direction of a page."""
        found = HTML.search(self.client.get(path, headers=asked).content.decode())
        assert found
        return found[1], found[2]

    def test_a_browsers_wish_is_met_and_any_other_page_is_in_the_sites_language(self) -> None:
        self.assertEqual(self.language(), ("en", "ltr"))
        self.assertEqual(self.language(accept_language="ar-EG,ar;q=0.9,en;q=0.5"), ("ar", "rtl"))
        self.assertEqual(self.language(accept_language="tlh,fr;q=0.9"), ("en", "ltr"))
        with self.settings(LANGUAGE_CODE="ar"):
            self.assertEqual(self.language(accept_language="tlh"), ("ar", "rtl"))
            self.assertEqual(self.language(accept_language="en"), ("en", "ltr"))

    def test_what_was_chosen_holds_against_what_the_browser_asks_for(self) -> None:
        answer = self.client.post("/language/", {"language": "ar", "next": LOGIN})
        self.assertRedirects(answer, LOGIN)
        self.assertEqual(self.language(accept_language="en"), ("ar", "rtl"))
        self.client.post("/language/", {"language": "en", "next": LOGIN})
        self.assertEqual(self.language(accept_language="ar"), ("en", "ltr"))

    def test_choosing_leads_to_no_other_site_and_to_no_language_that_is_none(self) -> None:
        answer = self.client.post("/language/", {"language": "xx", "next": "https://elsewhere.example/"})
        self.assertEqual(answer.headers["Location"], "/")
        self.assertEqual(self.language(), ("en", "ltr"))

    def test_choosing_is_a_post_of_the_sites_own(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        answer = self.client.post("/language/", {"language": "ar"})
        self.assertEqual(answer.status_code, HTTPStatus.FORBIDDEN)
        self.client.get("/language/?language=ar")
        self.assertEqual(self.language(), ("en", "ltr"))

    def test_a_cache_is_told_what_a_page_goes_by(self) -> None:
        headers = self.client.get(LOGIN).headers
        self.assertLessEqual({"Accept-Language", "Cookie"}, set(headers["Vary"].split(", ")))
        self.assertEqual(headers["Content-Language"], "en")

    def test_the_languages_are_offered_by_their_own_names(self) -> None:
        self.client.force_login(get_user_model().objects.create_user("ana"))
        for path in (LOGIN, "/"):
            for wanted in ("en", "ar"):
                page = self.client.get(path, headers={"accept-language": wanted}).content.decode()
                offered = OFFERED.findall(page)
                self.assertEqual({code: name for code, _current, name in offered}, NAMES)
                self.assertEqual([code for code, current, _name in offered if current], [wanted])

    def test_the_admin_speaks_it_too(self) -> None:
        self.client.force_login(get_user_model().objects.create_superuser("root"))
        self.assertEqual(self.language("/admin/", accept_language="ar"), ("ar", "rtl"))


NAMES = {"en": "English", "ar": "العربيّة"}


class Isolated(SimpleTestCase):
    """Names in sentences of another direction."""

    def test_a_name_is_set_apart_where_directions_could_meet(self) -> None:
        self.assertEqual(isolated("Ann"), "Ann")
        self.assertEqual(isolated("ليلى"), "\u2068ليلى\u2069")
        with override("ar"):
            self.assertEqual(isolated("Ann"), "\u2068Ann\u2069")
            page = Template(
                "{% load chat_language i18n %}"
                "{% blocktranslate with name=n|isolated %}Revoke {{ name }}{% endblocktranslate %}"
            )
            self.assertEqual(page.render(Context({"n": "<b>"})), "إلغاء \u2068&lt;b&gt;\u2069")


class Carried(SimpleTestCase):
    """What a page carries for its script."""

    def catalog(self) -> dict[str, Any]:
        """Return what Arabic pages carry."""
        found = carried("ar")
        assert found is not None
        return found

    def test_it_is_in_the_page_and_an_english_one_carries_nothing(self) -> None:
        self.assertNotContains(self.client.get(LOGIN), 'id="catalog"')
        page = self.client.get(LOGIN, headers={"accept-language": "ar"}).content.decode()
        found = CARRIED.search(page)
        assert found
        self.assertEqual(json.loads(found[1]), self.catalog())

    def test_the_rule_of_plurals_is_gettexts_own(self) -> None:
        gettext = DjangoTranslation("ar", domain="djangojs", localedirs=[str(LOCALE)])
        plural = self.catalog()["plural"]
        for number in (*range(300), 1_000, 1_002, 1_003, 1_011, 12_345):
            at = number if number < len(plural) else 100 + number % 100
            self.assertEqual(int(plural[at]), gettext.plural(number), number)

    def test_a_refusal_is_found_by_its_english(self) -> None:
        told = self.catalog()["words"]["refusal\x04You may not do this here."]
        with override("ar"):
            self.assertEqual(in_words("You may not do this here."), told)


class Refusals(SimpleTestCase):
    """What is refused, where a page shows it."""

    def test_english_is_as_it_was_said_but_for_the_name_of_a_field(self) -> None:
        self.assertEqual(in_words(TOO_MANY_REPORTS.detail), TOO_MANY_REPORTS.detail)
        self.assertEqual(
            in_words(refusal("name", "%(least)s to %(most)s characters.", least=1, most=9).detail),
            "1 to 9 characters.",
        )

    def test_where_the_name_of_a_field_went_it_still_begins_as_a_sentence(self) -> None:
        self.assertEqual(in_words(refusal("q", "there is no word in it.").detail), "There is no word in it.")

    def test_values_come_over_into_the_translation(self) -> None:
        with override("ar"):
            told = in_words(TOO_MANY_REPORTS.detail)
            self.assertRegex(told, "^[^A-Za-z]*50[^A-Za-z]*$")
            self.assertRegex(in_words("name: 1 to 120 characters."), "^[^A-Za-z]*1[^A-Za-z]*120[^A-Za-z]*$")

    def test_what_has_no_translation_is_said_in_english(self) -> None:
        with override("ar"):
            self.assertEqual(in_words("Something new."), "Something new.")


@override_settings(LANGUAGE_CODE="de", LANGUAGES=global_settings.LANGUAGES)
class OnASiteOfManyLanguages(TestCase):
    """A site that has said nothing of languages has all of Django's, most of which the rooms do not speak."""

    def test_a_page_is_whole_in_a_language_that_it_is_in(self) -> None:
        page = self.client.get(LOGIN)
        self.assertEqual(page.headers["Content-Language"], "en")
        self.assertContains(page, '<html lang="en"')
        self.assertContains(page, "Log in")
        self.assertNotContains(page, "Anmelden")
        self.assertContains(self.client.get(LOGIN, headers={"accept-language": "ar"}), '<html lang="ar"')

    def test_only_what_the_rooms_speak_is_offered(self) -> None:
        self.assertEqual(languages.offered(), ["ar", "en"])
        with self.settings(LANGUAGES=[("de", "German"), ("en-gb", "British English")]):
            self.assertEqual(languages.offered(), ["en-gb"])
        page = self.client.get(LOGIN).content.decode()
        self.assertEqual(len(re.findall('name="language"', page)), 2)

    def test_nothing_is_offered_where_nobody_heeds_it(self) -> None:
        rest = [one for one in settings.MIDDLEWARE if one != languages.CHOOSING]
        with override_settings(MIDDLEWARE=rest):
            self.assertNotContains(self.client.get(LOGIN), 'name="language"')

    def test_the_rest_of_the_site_stays_in_its_language(self) -> None:
        self.assertContains(self.client.get("/admin/login/"), "Anmelden")
