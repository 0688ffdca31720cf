"""Somebody in a browser without scripts: logs in, keeps cookies, sends forms with their CSRF token."""

from __future__ import annotations

from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from tests.system.http import TIMEOUT_S, Api

FORM = "application/x-www-form-urlencoded"


class Session:
    """One person's session with a running chat."""

    def __init__(self, port: int, username: str, password: str) -> None:
        """Log in by the page that people log in by."""
        self._port = port
        self._cookies: dict[str, str] = {}
        self._ask("GET", "/accounts/login/")
        self.post("/accounts/login/", username=username, password=password)
        assert "sessionid" in self._cookies, "nobody is logged in"

    def post(self, path: str, /, **fields: Any) -> None:
        """Send a form, which must lead to another page: one that is shown again was refused."""
        data = {**fields, "csrfmiddlewaretoken": self._cookies["csrftoken"]}
        status, body = self._ask("POST", path, urlencode(data, doseq=True).encode())
        assert status == 302, (path, status, body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make a call of the API as the script of a page does, and return its JSON."""
        api = Api(self._port)
        answer = api.call(method, path, body, headers={**self.headers, "X-CSRFToken": self._token})
        assert answer.status in {200, 201}, answer
        return answer.json

    @property
    def _token(self) -> str:
        return self._cookies["csrftoken"]

    @property
    def headers(self) -> dict[str, str]:
        """What each request has."""
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}

    def _ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        sent = {**self.headers, **({"Content-Type": FORM} if body is not None else {})}
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)) as connection:
            connection.request(method, path, body=body, headers=sent)
            response: HTTPResponse = connection.getresponse()
            for value in response.headers.get_all("Set-Cookie", []):
                self._cookies |= {name: one.value for name, one in SimpleCookie(value).items()}
            return response.status, response.read().decode()
