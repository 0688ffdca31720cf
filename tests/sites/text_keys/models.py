"""That site's people."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    """Somebody: the number on their badge is their key, and may begin with noughts."""

    number = models.CharField(max_length=20, primary_key=True)

    REQUIRED_FIELDS: ClassVar[list[str]] = ["number"]
