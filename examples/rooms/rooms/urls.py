"""URLs of the pages. The WebSocket of a room has the same path as its page; see ``routing.py``."""

from __future__ import annotations

from django.urls import path, re_path
from django.views.generic import RedirectView

from rooms import views
from rooms.posts import ROOM

urlpatterns = [
    path("", RedirectView.as_view(url="/lobby/")),
    re_path(rf"^{ROOM}/$", views.room, name="room"),
    re_path(rf"^{ROOM}/notices$", views.notices, name="notices"),
]
