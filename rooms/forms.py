"""The forms of the account pages, made for whatever user model the site has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import BaseUserCreationForm, UsernameField
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from rooms.models import ApiToken
from rooms.onebyone import one_by_one

if TYPE_CHECKING:
    UserForm = BaseUserCreationForm[Any]
    TokenFormBase = forms.ModelForm[ApiToken]
else:
    UserForm = BaseUserCreationForm
    TokenFormBase = forms.ModelForm


class NewAccountForm(UserForm):
    """What an account needs: the login name, what else the user model requires, a password twice."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse a login name that another account has in other letters: people could not tell them apart."""
        cleaned = super().clean()
        users = self._meta.model
        name = self.cleaned_data.get(users.USERNAME_FIELD)
        if name and _is_taken(users, name):
            self.refuse_taken_name()
        return cleaned

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002  (Django's)
        """Make the account, where its name is free still.

        Raises:
            IntegrityError: another has it, maybe in other letters.
        """
        users = self._meta.model
        name = self.cleaned_data[users.USERNAME_FIELD]
        with transaction.atomic():
            one_by_one(f"name {name.casefold()}")
            if _is_taken(users, name):
                raise IntegrityError("The name is taken.")
            return super().save(commit)

    def refuse_taken_name(self) -> None:
        """Say that the login name belongs to another account."""
        field = self._meta.model.USERNAME_FIELD
        self.add_error(field, self.instance.unique_error_message(type(self.instance), [field]))

    def values(self) -> dict[str, Any]:
        """Return what was filled in, the password as `password`: what a user manager's methods take."""
        filled = {name: self.cleaned_data[name] for name in self._meta.fields or ()}
        return {**filled, "password": self.cleaned_data["password1"]}


def _is_taken(users: Any, name: str) -> bool:
    """Tell whether an account has this name, in whatever letters. SQLite's own LIKE folds those of ASCII."""
    like = ("iregex", rf"\A{re.escape(name)}\Z") if connection.vendor == "sqlite" else ("iexact", name)
    found: bool = users._default_manager.filter(**{f"{users.USERNAME_FIELD}__{like[0]}": like[1]}).exists()
    return found


def new_account_form() -> type[NewAccountForm]:
    """Return the form for accounts of `AUTH_USER_MODEL`."""
    users: Any = get_user_model()
    required = [name for name in users.REQUIRED_FIELDS if not users._meta.get_field(name).blank]
    login = users._meta.get_field(users.USERNAME_FIELD)
    # A login name that is an e-mail address keeps its own form field, which knows what one looks like.
    plain = login.formfield().__class__ is forms.CharField
    meta = type(
        "Meta",
        (),
        {
            "model": users,
            "fields": (users.USERNAME_FIELD, *required),
            "field_classes": {users.USERNAME_FIELD: UsernameField} if plain else {},
        },
    )
    return type("NewAccountForm", (NewAccountForm,), {"Meta": meta, "__doc__": NewAccountForm.__doc__})


class TokenForm(TokenFormBase):
    """A new token's name."""

    class Meta:
        """What is filled in."""

        model = ApiToken
        fields = ("name",)
        labels = {"name": _("What is it for?")}
        help_texts = {"name": _("A script, a device: what tells it from your others.")}
