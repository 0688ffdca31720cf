"""A site with another user model: an e-mail address to log in with, UUIDs for keys."""

from __future__ import annotations

import pytest

from tests.support_sites import assert_cases_hold


@pytest.mark.databases
def test_the_rooms_serve_a_site_whose_people_log_in_by_email() -> None:
    assert_cases_hold("email_login")
