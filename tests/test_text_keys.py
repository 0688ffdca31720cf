"""A site with another user model: texts of digits for keys, noughts before them and all."""

from __future__ import annotations

import pytest

from tests.support_sites import assert_cases_hold


@pytest.mark.databases
def test_the_rooms_serve_a_site_whose_people_have_texts_for_keys() -> None:
    assert_cases_hold("text_keys")
