"""Headers that every page carries and Django has no setting for."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Add the setting `CONTENT_SECURITY_POLICY` to every response that does not bring its own."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        # Django's own pages about an error in development are made of inline style and script.
        if not (
            settings.DEBUG
            and response.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR}
        ):
            response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        return response

    return respond
