"""
Static files in front of the views, for development: Django's finders, as with its own ``runserver``.

Route ``http.request`` to a :class:`StaticFilesConsumer` in place of the views' consumer. Without ``DEBUG`` it leaves
everything to the views, and static files to the server in front.
"""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlparse
from urllib.request import url2pathname

from django.conf import settings
from django.contrib.staticfiles import utils
from django.contrib.staticfiles.views import serve
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from zmqlayer.worker.handler import AsgiHandler, ViewConsumer
from zmqlayer.worker.message import Message
from zmqlayer.worker.request import Sighting

__all__ = ["StaticFilesConsumer", "StaticFilesHandler"]


class StaticFilesHandler(AsgiHandler):
    """
    Serves what is below ``STATIC_URL``, with no middleware; leaves the rest to the views.

    Attributes:
        insecure: Serve without ``DEBUG`` too.

    Raises:
        ImproperlyConfigured: ``STATIC_URL`` is not set, or clashes with other settings.
    """

    insecure = False

    def __init__(self) -> None:
        super().__init__()
        utils.check_settings()
        self.base_url = urlparse(settings.STATIC_URL)
        self._serve = convert_exception_to_response(self.serve)

    def is_static(self, path: str) -> bool:
        """Whether *path* is one of a static file; not if those have a host of their own."""
        is_served = self.insecure or settings.DEBUG
        return bool(is_served and not self.base_url.netloc and path.startswith(self.base_url.path))

    def file_path(self, path: str) -> str:
        """Return the path that finders know for the path of a request."""
        return url2pathname(path.removeprefix(self.base_url.path))

    def serve(self, request: HttpRequest) -> HttpResponseBase:
        """Return the file that *request* is for, or 304 if the client has it; a file outside is never found."""
        response: HttpResponseBase = serve(request, self.file_path(request.path), insecure=True)
        return response

    def find_view(self, message: Message, prefix: Any) -> Sighting | None:
        """Return what view *message* is for; none if it is for a file."""
        path = message.get("path")
        return None if isinstance(path, str) and self.is_static(path) else super().find_view(message, prefix)

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Return a file, or what the views say."""
        if not self.is_static(request.path):
            return super().get_response(request)
        response = cast(HttpResponseBase, self._serve(request))
        response._resource_closers.append(request.close)  # type: ignore[attr-defined]  # as every handler does
        return response


class StaticFilesConsumer(ViewConsumer):
    """
    The consumer of ``http.request`` for development: static files, then views.

    Args:
        insecure: Serve them without ``DEBUG`` too, as tests need it.
    """

    handler: StaticFilesHandler
    handler_class = StaticFilesHandler

    def __init__(self, insecure: bool = False) -> None:
        super().__init__()
        self.handler.insecure = insecure
