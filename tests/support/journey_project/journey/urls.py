"""Where the views are."""

from __future__ import annotations

from django.urls import path

from journey import views

urlpatterns = [
    path("echo/", views.echo),
    path("echo/<str:rest>/", lambda request, rest: views.echo(request)),
    path("form/", views.form),
    path("slow-digest/", views.slow_digest),
    path("store/", views.store),
    path("unwilling/", views.unwilling),
    path("hello/", views.hello),
    path("held/", views.held),
    path("stream/", views.stream),
    path("long-poll/", views.long_poll),
    path("events/", views.events),
    path("endless/", views.endless),
    path("broken/", views.broken),
    path("fail/", views.fail),
]
