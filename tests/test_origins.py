"""Whom a request counts for: one table for the pages' side and the transports'."""

from __future__ import annotations

import pytest

from realtime.buckets import Sends
from realtime.config import Config
from rooms import origins
from tests.support_realtime import NOON

PROXY, CLIENT, LIAR = "10.0.0.7", "203.0.113.9", "198.51.100.1"

CASES = [
    (0, PROXY, "", PROXY),
    (0, CLIENT, LIAR, CLIENT),
    (1, PROXY, CLIENT, CLIENT),
    (1, PROXY, f"{LIAR}, {CLIENT}", CLIENT),
    (1, PROXY, f"{LIAR},{CLIENT} ", CLIENT),
    (2, PROXY, f"{LIAR}, {CLIENT}, 10.0.0.8", CLIENT),
    (2, PROXY, CLIENT, PROXY),
    (1, PROXY, "", PROXY),
    (1, PROXY, "nonsense", PROXY),
    (1, PROXY, f"{CLIENT}, unknown", PROXY),
    (1, PROXY, f"{CLIENT},", PROXY),
    (1, "127.0.0.1", CLIENT, CLIENT),
    (1, "127.0.0.1", "", ""),
    (0, "127.0.0.1", CLIENT, ""),
    (0, "::1", "", ""),
    (0, "", "", ""),
    (1, "", CLIENT, CLIENT),
    (0, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
    (1, "::1", "2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
    (0, "fe80::1%eth0", "", "fe80::/64"),
    (0, "::ffff:203.0.113.9", "", CLIENT),
    (1, PROXY, "127.0.0.1", ""),
]


@pytest.mark.parametrize(("proxies", "peer", "forwarded", "expected"), CASES)
def test_pages_and_transports_count_a_request_for_the_same(
    proxies: int, peer: str, forwarded: str, expected: str
) -> None:
    sends = Sends(Config(trusted_proxies=proxies), float, lambda: NOON, 1)
    meta = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}

    assert sends.origin(peer, forwarded) == expected
    assert origins.origin_of_page(meta, proxies=proxies, behind_proxy=proxies > 0) == expected


def test_a_proxy_of_which_nothing_is_known_speaks_for_nobody() -> None:
    meta = {"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": CLIENT}

    assert origins.origin_of_page(meta, proxies=0, behind_proxy=True) == ""
