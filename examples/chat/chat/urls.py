"""URLs of the pages. The WebSocket of a room has the same path as its page; see ``routing.py``."""

from __future__ import annotations

from django.urls import path, re_path

from chat import views
from chat.rooms import ROOM_NAME

urlpatterns = [
    path("", views.index, name="index"),
    re_path(rf"^room/(?P<name>{ROOM_NAME})/$", views.room, name="room"),
    path("api/whoami", views.whoami, name="whoami"),
]
