"""That site's people."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models


class PersonManager(BaseUserManager["Person"]):
    """Makes people by their e-mail addresses."""

    def create_user(self, email: str, nickname: str = "", password: str | None = None, **more: Any) -> Person:
        """Make somebody."""
        person = self.model(email=self.normalize_email(email), nickname=nickname, **more)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, nickname: str = "", password: str | None = None) -> Person:
        """Make somebody who may do all."""
        return self.create_user(email, nickname, password, is_staff=True, is_superuser=True)


class Person(AbstractBaseUser, PermissionsMixin):
    """Somebody: the address is for logging in, the nickname for others to see."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    nickname = models.CharField(max_length=40)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["nickname"]

    objects = PersonManager()

    def get_short_name(self) -> str:
        """Return the nickname."""
        return self.nickname


class Employee(Person):
    """Somebody who works there: an account of a model that derives from the user model."""

    desk = models.CharField(max_length=20)
