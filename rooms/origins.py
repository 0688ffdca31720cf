"""Where a request comes from, as limits by address count it. Pages and transports ask alike; no framework."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping


def origin(peer: str, forwarded: str, proxies: int) -> str:
    """Return whom a request counts for, "" where for nobody.

    `peer` is the address of the connection. Behind `proxies` of our own, each of which appends to
    X-Forwarded-For the address that it was asked by, the client's is so many from the right: what is left
    of it is what the client wrote. Where it is missing or no address, the peer's counts.
    """
    if proxies:
        # Whoever passes fewer did not come by all of our proxies.
        told = forwarded.split(",")
        if len(told) >= proxies and (found := _network(told[-proxies].strip())) is not None:
            return found
    return _network(peer) or ""


def origin_of_page(meta: Mapping[str, object], *, proxies: int, behind_proxy: bool) -> str:
    """Return the same of a request of Django's, by its META.

    `behind_proxy` is whether a proxy speaks for everybody. With `proxies` of 0 nobody tells for whom.
    """
    if behind_proxy and not proxies:
        return ""
    return origin(str(meta.get("REMOTE_ADDR", "")), str(meta.get("HTTP_X_FORWARDED_FOR", "")), proxies)


def network(address: str) -> str:
    """Return whom an address counts for, "" where for nobody or it is none.

    IPv6 gives each of its users a network of 64 bits. This machine's own addresses are a proxy's, which
    speaks for everybody.
    """
    return _network(address) or ""


def _network(address: str) -> str | None:
    """Return the same, None where it is no address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_loopback:
        return ""
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
