"""Django's ways to log in, as a site of rooms has them: with patience, and not for the suspended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied

from rooms import accounts, lockouts
from rooms.people import Suspension, in_force

if TYPE_CHECKING:
    from django.http import HttpRequest

WAIT_S = "chat_login_wait_s"
"""Where a request keeps for how many seconds its log-in was not looked at."""


class PatienceBackend:
    """Stands first, and lets nobody in: turns away who failed too often, whatever form they use.

    It has no `get_user`: no session is ever its own, and one that is open is not its business.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Leave the credentials to the backends after this one.

        Raises:
            PermissionDenied: too many have failed; Django then asks no other backend.
        """
        wait_s = lockouts.wait_s(lockouts.name_in(credentials), request)
        lockouts.turned_away(so=wait_s > 0)
        if wait_s > 0:
            if request is not None:
                setattr(request, WAIT_S, wait_s)
            raise PermissionDenied

    async def aauthenticate(self, request: HttpRequest | None, **credentials: Any) -> None:
        """Do the same, for code that is asynchronous."""
        await sync_to_async(self.authenticate)(request, **credentials)


class AccountBackend(ModelBackend):
    """Django's own by name and password, for accounts that are not suspended."""

    def user_can_authenticate(self, user: Any) -> bool:
        """Refuse the suspended as Django refuses the disabled: where the password was right, too."""
        return super().user_can_authenticate(user) and not (
            user is not None and Suspension.objects.filter(in_force(), user=user.pk).exists()
        )

    def get_user(self, user_id: Any) -> Any:
        """Return who a session is, if their account may be used, in one query."""
        [user] = accounts.users_by_id([user_id]).values() or [None]
        return user if user is not None and accounts.holds(user) else None

    async def aauthenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Do what `authenticate` does, which asks the database more than Django's own does."""
        return await sync_to_async(self.authenticate)(request, username, password, **kwargs)

    async def aget_user(self, user_id: Any) -> Any:
        """Do what `get_user` does."""
        return await sync_to_async(self.get_user)(user_id)
