"""``StaticFilesConsumer``: static files before Django's views, for development, as ``runserver`` of Django has them."""

from __future__ import annotations

from urllib.parse import urlparse

from django.contrib.staticfiles.handlers import StaticFilesHandlerMixin
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from zmqlayer.worker.handler import AsgiHandler, ViewConsumer

__all__ = ["StaticFilesConsumer", "StaticFilesHandler"]


class StaticFilesHandler(StaticFilesHandlerMixin, AsgiHandler):
    """Serves what is below ``STATIC_URL`` from the apps' and the project's folders; all else are views."""

    def __init__(self) -> None:
        super().__init__()
        self.base_url = urlparse(self.get_base_url())

    def load_middleware(self, is_async: bool = False) -> None:
        """Load it: Django's own class leaves that to another handler, which it wraps."""
        BaseHandler.load_middleware(self, is_async)

    def get_response(self, request: HttpRequest) -> HttpResponseBase:
        """Return a file, or what a view returns."""
        if self._should_handle(request.path):
            return super().get_response(request)
        return BaseHandler.get_response(self, request)


class StaticFilesConsumer(ViewConsumer):
    """The consumer of ``http.request`` that serves static files, and Django's views."""

    handler_class = StaticFilesHandler
