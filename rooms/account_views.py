"""The account pages: log-in and the rest by Django's own views, sign-up, tokens, the first administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required, login_required
from django.contrib.auth.forms import AuthenticationForm
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django.views.generic.base import ContextMixin

from rooms import accounts, entrance, firstadmin, lockouts
from rooms.backends import WAIT_S
from rooms.forms import NewAccountForm, TokenForm, new_account_form
from rooms.models import ApiToken
from rooms.options import options

if TYPE_CHECKING:
    from collections.abc import Callable

TOKENS_EACH = 50
"""How many tokens one account may have at a time."""

form_page = require_http_methods(["GET", "HEAD", "POST"])


class LoginView(auth_views.LoginView):
    """Log in, and go where one was to go: to this site alone."""

    template_name = "rooms/login.html"
    extra_context = {"signup_is_open": lambda: options.signup}

    @method_decorator([never_cache, login_not_required])
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Serve the form where it is the one by which this site logs in; else lead to that one.

        It asks for a password alone: a site's own may ask for more.
        """
        if not entrance.is_ours():
            return redirect(entrance.address(self.get_redirect_url() or reverse("rooms:index")))
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log in; the browser remembers under which name."""
        response = super().form_valid(form)
        lockouts.remember_browser(response, self.request, form.get_user().get_username())
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        """Show what is wrong; who must wait hears for how long, whether or not the name is somebody's."""
        wait_s: int | None = getattr(self.request, WAIT_S, None)
        if wait_s is None:
            return super().form_invalid(form)
        form.errors.clear()
        told = ngettext(
            "Too many log-ins have failed. Try again in %(count)d second.",
            "Too many log-ins have failed. Try again in %(count)d seconds.",
            wait_s,
        )
        form.add_error(None, told % {"count": wait_s})
        context = self.get_context_data(form=form)
        return self.render_to_response(context, status=429, headers={"Retry-After": str(wait_s)})


class LogoutView(auth_views.LogoutView):
    """Log out, by a form: a link elsewhere cannot log anybody out."""

    def get_default_redirect_url(self) -> str:
        """Return where one logs in, if the site names no page: Django's own would be the admin's."""
        to = settings.LOGOUT_REDIRECT_URL
        return resolve_url(to) if to else entrance.address()


class OwnPage(ContextMixin):
    """A page of somebody who is logged in."""

    request: HttpRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the name that the frame of every page shows."""
        return super().get_context_data(**kwargs, display_name=_display_name(self.request))


class PasswordChangeView(OwnPage, auth_views.PasswordChangeView):
    """Change one's own password. Every other session of the account ends."""

    template_name = "rooms/password_change.html"
    success_url = reverse_lazy("rooms:password_change_done")

    @method_decorator(never_cache)
    def dispatch(self, *args: Any, **kwargs: Any) -> Any:
        """Serve the form, which no cache keeps."""
        return super().dispatch(*args, **kwargs)


class PasswordChangeDoneView(OwnPage, auth_views.PasswordChangeDoneView):
    """Say that the password is changed."""

    template_name = "rooms/password_change_done.html"


@login_not_required
@sensitive_post_parameters()
@never_cache
@form_page
def signup(request: HttpRequest) -> HttpResponse:
    """Make an account for a stranger, where the site lets them, and log it in."""
    if not options.signup or not entrance.is_ours():
        raise Http404
    if request.user.is_authenticated:
        return redirect("rooms:index")
    form = new_account_form()(request.POST if request.method == "POST" else None)
    if form.is_valid() and _made(form, form.save):
        return logged_in(request, form)
    return render(request, "rooms/signup.html", {"form": form})


def _made(form: NewAccountForm, make: Callable[[], object]) -> bool:
    """Have the account made, and tell whether it was: another may have taken its name in the meantime."""
    try:
        with transaction.atomic():
            make()
    except IntegrityError:
        form.refuse_taken_name()
        return False
    return True


def logged_in(request: HttpRequest, form: NewAccountForm, to: str = "") -> HttpResponse:
    """Log a new account in the way its password does, and go to a page, or to the rooms."""
    values = form.values()
    name = get_user_model().USERNAME_FIELD
    user = authenticate(request, **{name: values[name], "password": values["password"]})
    if user is None:  # a site whose accounts must be confirmed in some way first
        return redirect(entrance.address())
    login(request, user)
    return redirect(to or "rooms:index")


@login_not_required
@sensitive_post_parameters()
@never_cache
@form_page
def first_admin(request: HttpRequest, token: str) -> HttpResponse:
    """Make the site's first administrator, by the link that its start printed."""
    try:
        firstadmin.check(token)
        form = new_account_form()(request.POST if request.method == "POST" else None)
        if form.is_valid() and _made(form, lambda: firstadmin.use(token, form.values())):
            return unreferred(logged_in(request, form))
    except firstadmin.NotThisLinkError:
        raise Http404 from None
    except firstadmin.ExpiredLinkError:
        return unreferred(render(request, "rooms/first_admin_expired.html", status=410))
    return unreferred(render(request, "rooms/first_admin.html", {"form": form}))


def unreferred(response: HttpResponse) -> HttpResponse:
    """Keep the link's address out of Referer; `no-referrer` would also void Origin, which CSRF needs."""
    response["Referrer-Policy"] = "strict-origin"
    return response


@never_cache
@form_page
@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """List one's own tokens; make one, which this answer alone shows."""
    user: Any = request.user
    form = TokenForm(request.POST if request.method == "POST" else None)
    token = None
    if form.is_valid():
        if ApiToken.objects.filter(user=user).count() >= TOKENS_EACH:
            form.add_error(None, _("You have %d tokens: revoke one first.") % TOKENS_EACH)
        else:
            token = accounts.issue_token(user, form.cleaned_data["name"])
            form = TokenForm()
    context = {
        "form": form,
        "token": token,
        "tokens": ApiToken.objects.filter(user=user).order_by("-id"),
        "origin": request.build_absolute_uri("/").rstrip("/"),
        "display_name": _display_name(request),
    }
    return render(request, "rooms/tokens.html", context)


def _display_name(request: HttpRequest) -> str:
    """Return the public name of somebody who is logged in."""
    user: Any = request.user
    return accounts.display_name(user)


@require_POST
@login_required
def revoke_token(request: HttpRequest, key: int) -> HttpResponse:
    """Revoke one of one's own tokens: from now on it opens nothing."""
    user: Any = request.user
    row = ApiToken.objects.filter(user=user, pk=key).first()
    if row is None:
        raise Http404
    row.delete()
    messages.success(request, _("The token “%s” is revoked.") % row.name)
    return redirect(resolve_url("rooms:tokens"))
