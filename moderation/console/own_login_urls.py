"""Routes of the guard's own login: `moderation.urls_with_login` includes them, a host does not."""

from __future__ import annotations

from django.urls import path

from moderation.console import people, profile, second_factor
from moderation.console.login import SignIn, SignOut, second_step
from moderation.console.welcome import Welcome

urlpatterns = [
    path("login/", SignIn.as_view(), name="login"),
    path("login/second-step/", second_step, name="second-step"),
    path("logout/", SignOut.as_view(), name="logout"),
    path("welcome/<str:uidb64>/<str:token>/", Welcome.as_view(), name="welcome"),
    path("profile/", profile.profile, name="profile"),
    path("profile/password/", profile.password, name="password"),
    path("profile/sessions/end/", profile.end_other_sessions, name="end-other-sessions"),
    path("profile/sessions/<uuid:session_id>/end/", profile.end_session, name="end-session"),
    path("profile/second-factor/", second_factor.second_factor, name="second-factor"),
    path("profile/second-factor/begin/", second_factor.begin, name="second-factor-begin"),
    path("profile/second-factor/confirm/", second_factor.confirm, name="second-factor-confirm"),
    path("profile/second-factor/codes/", second_factor.new_codes, name="second-factor-codes"),
    path("profile/second-factor/drop/", second_factor.drop, name="second-factor-drop"),
    path("people/<str:user_id>/active/", people.set_active, name="person-active"),
    path("people/<str:user_id>/link/", people.new_link, name="person-link"),
    path("people/<str:user_id>/second-factor/", people.drop_second_factor, name="person-second-factor"),
    path("people/<str:user_id>/sessions/", people.end_sessions, name="person-sessions"),
]
