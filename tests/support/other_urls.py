"""A second URLconf, which middleware may choose: the same paths lead to views of the other kind."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from support.django_project import asynchronous_name_thread, name_thread

urlpatterns = [path("thread/", asynchronous_name_thread), path("async/thread/", name_thread)]


def switch(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Choose this URLconf for every request."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        request.urlconf = "support.other_urls"  # type: ignore[attr-defined]  # Django looks for it
        return get_response(request)

    return respond


def pass_on(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Do nothing, as a function that waits for the view."""
    return lambda request: get_response(request)
