"""Who is asking, and from where: Host, Origin, CSRF token, session, Bearer token.

Django judges: `HttpRequest.get_host` the host, `CsrfViewMiddleware` origin and token, each on a request
built from Twisted's. No rule of theirs is repeated here. Host and origin are judged on a request that has
nothing but what they go by, so what passed once passes again: it is not built and judged for each request.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse, parse_cookie
from django.middleware.csrf import CsrfViewMiddleware

from realtime.errors import BadRequest, Forbidden, NotAuthenticated
from rooms.messages import Credential

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from django.http import HttpRequest
    from twisted.web.server import Request

    from rooms.messages import Identity

logger = logging.getLogger(__name__)

MAX_SESSION_KEY_CHARS = 128
SAFE_METHODS = (b"GET", b"HEAD", b"OPTIONS")
A_TOKEN = "x" * 32
"""As good as any: an origin is judged on a request whose cookie and header have the same token."""
ONCE = (b"Host", b"Origin", b"Cookie", b"Authorization")
ADDRESSING = (b"Host", b"Origin", b"X-Forwarded-Host", b"X-Forwarded-Port", b"X-Forwarded-Proto")
"""By these a request tells how it is addressed, and by the header that SECURE_PROXY_SSL_HEADER names."""
REMEMBERED = 128
"""How many addresses that passed are remembered, each as long as a request's headers may be."""

Headers = Iterable[tuple[bytes, Sequence[bytes]]]


class Identities(Protocol):
    """Knows who a credential belongs to."""

    def identify(self, credential: Credential) -> Awaitable[Identity | None]:
        """Return who it is, None where it does not hold (any more)."""


class Doorkeeper:
    """Judges requests before anything is done for them."""

    def __init__(self, identities: Identities) -> None:
        """Ask `identities` who somebody is."""
        self._identities = identities
        self._csrf = CsrfViewMiddleware(lambda _request: HttpResponse())
        self._addressing = (*ADDRESSING, *_header_of_proxy())
        # What raises is not remembered.
        self._admit_host = lru_cache(REMEMBERED)(_judge_host)
        self._admit_origin = lru_cache(REMEMBERED)(self._judge_origin)

    async def admit(self, request: Request) -> Identity | None:
        """Return who is asking, None for a guest.

        Raises:
            BadRequest: an unusable or unknown Host, or a header twice that may be there once.
            Forbidden: a foreign origin, or a cookie without its CSRF token.
            NotAuthenticated: a session or token that does not hold.
            Unavailable: nobody can tell just now.
        """
        self.check_host(request)
        credential = self._token(request)
        if credential is None:
            self.check_origin(request)
            credential = self._session(request)
            if credential is not None and request.method not in SAFE_METHODS:
                self._check_csrf(request)
        if credential is None:
            return None
        identity = await self._identities.identify(credential)
        if identity is None:
            raise NotAuthenticated
        return identity

    async def known(self, request: Request) -> Identity | None:
        """Return whose the credential of a request is, None where there is none, or it is nobody's.

        Raises:
            NotAuthenticated: a header that names no token.
            Unavailable: nobody can tell just now.
        """
        credential = self._token(request) or self._session(request)
        return await self._identities.identify(credential) if credential is not None else None

    def check_host(self, request: Request) -> None:
        """Raise BadRequest where the site is not to be called by this name."""
        for name in ONCE:
            if len(request.requestHeaders.getRawHeaders(name, [])) > 1:
                raise BadRequest(f"{name.decode()}: it is given twice")
        try:
            self._admit_host(_address(request, self._addressing))
        except DisallowedHost:
            host = _header(request, "host")
            logger.warning(
                "Refused a request for the host %r: if it is this site's, add it to ALLOWED_HOSTS", host
            )
            raise BadRequest("Host: this site does not go by that name") from None

    def check_origin(self, request: Request) -> None:
        """Raise Forbidden where a page of another site is asking."""
        if _header(request, "origin"):
            self._admit_origin(_address(request, self._addressing))

    def _judge_origin(self, address: Address) -> None:
        django_request = address.as_django_sees("POST")
        django_request.COOKIES = {settings.CSRF_COOKIE_NAME: A_TOKEN}
        django_request.META[settings.CSRF_HEADER_NAME] = A_TOKEN
        if not self._passes(django_request):
            logger.warning(
                "Refused a request from the origin %r: if it is this site's, add it to CSRF_TRUSTED_ORIGINS",
                django_request.META["HTTP_ORIGIN"].strip(),
            )
            raise Forbidden("Origin: this site does not answer pages of that origin.")

    def _check_csrf(self, request: Request) -> None:
        if not self._passes(as_django_sees(request)):
            raise Forbidden("The CSRF token is missing or wrong: send the cookie's value as X-CSRFToken.")

    def _passes(self, request: HttpRequest) -> bool:
        """Let Django's middleware judge a request for a view that does nothing."""
        self._csrf.process_request(request)
        return self._csrf.process_view(request, _nothing, (), {}) is None

    @staticmethod
    def _token(request: Request) -> Credential | None:
        scheme, _space, token = _header(request, "authorization").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "bearer" or not token.strip():
            raise NotAuthenticated("Authorization: this site takes Bearer tokens.")
        return Credential.of_token(token.strip())

    @staticmethod
    def _session(request: Request) -> Credential | None:
        key = parse_cookie(_header(request, "cookie")).get(settings.SESSION_COOKIE_NAME)
        return (
            Credential.of_session(key)
            if key and key.isascii() and key.isprintable() and len(key) <= MAX_SESSION_KEY_CHARS
            else None
        )


class Address(NamedTuple):
    """How a request is addressed: all that Django judges host and origin by."""

    scheme: str
    server: str
    port: str
    headers: tuple[tuple[bytes, tuple[bytes, ...]], ...]

    def as_django_sees(self, method: str, path: str = "/", headers: Headers | None = None) -> WSGIRequest:
        """Return a Django request to this address, with these headers or the address's own, and no body."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": self.server,
            "SERVER_PORT": self.port,
            "wsgi.url_scheme": self.scheme,
            "wsgi.input": io.BytesIO(),
        }
        for name, values in self.headers if headers is None else headers:
            key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
            environ[key] = (b"; " if name.lower() == b"cookie" else b",").join(values).decode("latin-1")
        return WSGIRequest(environ)


def as_django_sees(request: Request) -> WSGIRequest:
    """Return a Django request with the method, scheme, path and headers of Twisted's, and no body."""
    return _address(request, ()).as_django_sees(
        request.method.decode("latin-1"),
        request.path.decode("latin-1"),
        request.requestHeaders.getAllRawHeaders(),
    )


def _address(request: Request, by: Iterable[bytes]) -> Address:
    """Return how a request is addressed, by these headers."""
    headers, host = request.requestHeaders, request.getHost()
    told = [(name, tuple(headers.getRawHeaders(name, ()))) for name in by]
    return Address(
        "https" if request.isSecure() else "http",
        str(getattr(host, "host", "localhost")),
        str(getattr(host, "port", 0)),
        tuple((name, values) for name, values in told if values),
    )


def _judge_host(address: Address) -> None:
    address.as_django_sees("GET").get_host()


def _header_of_proxy() -> list[bytes]:
    """Return the header by which a proxy tells that it was asked by HTTPS, where the site trusts one."""
    told = settings.SECURE_PROXY_SSL_HEADER
    return [told[0].removeprefix("HTTP_").replace("_", "-").encode("ascii")] if told else []


def _nothing(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _header(request: Request, name: str) -> str:
    values = request.requestHeaders.getRawHeaders(name.encode("ascii"), [])
    return values[-1].decode("latin-1").strip() if values else ""
