"""The addresses of the account pages; their names are in the namespace of `rooms`."""

from __future__ import annotations

from django.urls import path

from rooms import account_views as views

urlpatterns = [
    path("accounts/login/", views.LoginView.as_view(), name="login"),
    path("accounts/logout/", views.LogoutView.as_view(), name="logout"),
    path("accounts/password/", views.PasswordChangeView.as_view(), name="password_change"),
    path("accounts/password/done/", views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("accounts/signup/", views.signup, name="signup"),
    path("accounts/tokens/", views.tokens, name="tokens"),
    path("accounts/tokens/<int:key>/revoke/", views.revoke_token, name="revoke_token"),
    path("first-admin/<str:token>/", views.first_admin, name="first_admin"),
]
