"""Breaks one thing when the apps are ready."""

from __future__ import annotations

import os

from django.apps import AppConfig

WAYS = ("unlocked", "gaps", "early_ids")


class SabotageConfig(AppConfig):
    """Applies what FAULTS_SABOTAGE names."""

    name = "tests.faults.sabotage"
    label = "sabotage"

    def ready(self) -> None:
        """Break it."""
        from tests.faults.sabotage import ways

        getattr(ways, os.environ["FAULTS_SABOTAGE"])()
