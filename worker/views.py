"""
``Views``: one chain of Django's middleware with the views behind it, for threads or for coroutines.

Which chain a request goes through is decided by :func:`find_view`, before the request is made. Middleware may choose
another URLconf later, and so a view of the other kind: then Django adapts it, as it does everywhere.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse
from django.urls import ResolverMatch, URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern, RoutePattern
from django.utils import translation

from zmqlayer.worker.later import ResponseLater
from zmqlayer.worker.request import ANY, Sighting

__all__ = ["AsyncViews", "Views", "find_view"]

MOST_REMEMBERED: Final = 1024


class Views(BaseHandler):
    """
    Middleware and views; loaded at the first request. One is enough for all threads.

    Attributes:
        is_async: Whether :meth:`get_response_async` is to be used, on an event loop, and not :meth:`get_response`.
    """

    is_async = False

    def __init__(self) -> None:
        super().__init__()
        self._loading = threading.Lock()
        self._is_loaded = False

    def load(self) -> None:
        """Load the middleware, once."""
        if self._is_loaded:
            return
        with self._loading:
            if not self._is_loaded:
                self.load_middleware(is_async=self.is_async)
                self._is_loaded = True

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """Return the view for *request*: the one that was seen already, unless something changed on the way here."""
        seen: Sighting | None = getattr(request, "sighting", None)
        if hasattr(request, "urlconf"):
            return super().resolve_request(request)
        if seen is None or seen.path_info != request.path_info:
            request.resolver_match = match = _survey(get_resolver()).resolve(request.path_info)
            return match
        if seen.language is not ANY and seen.language != translation.get_language():
            return super().resolve_request(request)
        request.resolver_match = seen.match
        return seen.match

    def make_view_atomic(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """Return *view* in the transactions that ``ATOMIC_REQUESTS`` asks for; a ``ResponseLater`` rolls none back."""
        atomic = super().make_view_atomic(view)
        return view if atomic is view else super().make_view_atomic(_returning_later(view))

    def process_exception_by_middleware(self, exception: Exception, request: HttpRequest) -> HttpResponse:
        """Take a ``ResponseLater`` that was raised as if it had been returned, as Channels 1.x had it."""
        if isinstance(exception, ResponseLater):
            return exception.with_traceback(None)
        return super().process_exception_by_middleware(exception, request)


class AsyncViews(Views):
    """
    Middleware and views for an event loop.

    Attributes:
        holds_thread: Whether some middleware is a function that waits, in a thread, for the view behind it.
    """

    is_async = True
    holds_thread = False

    def adapt_method_mode(
        self,
        is_async: bool,
        method: Any,
        method_is_async: bool | None = None,
        debug: bool = False,
        name: str | None = None,
    ) -> Any:
        """Adapt *method* as Django does, and take note if a function will call a coroutine."""
        self.holds_thread = self.holds_thread or (method_is_async is True and not is_async)
        return super().adapt_method_mode(is_async, method, method_is_async, debug, name)


def _returning_later(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return *view*, which is no coroutine function, so that it returns a ``ResponseLater`` that it raises."""

    @functools.wraps(view)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except ResponseLater as later:
            return later.with_traceback(None)

    return call


def find_view(path_info: str) -> Sighting | None:
    """
    Return what ``ROOT_URLCONF`` has for a path.

    None if nothing, or if it cannot be asked; and if all views are functions, so that there is nothing to find out.
    """
    try:
        resolver = get_resolver()
        survey = _survey(resolver)
        if not survey.coroutines:
            return None
        if not survey.is_translated:
            match = survey.resolve(path_info)
            return Sighting(path_info, match, is_for_loop=match.func in survey.coroutines)
        return _find_in_language(path_info, survey)
    except Exception:  # noqa: BLE001  # Django asks again, and makes its page of what is wrong
        return None


class _Survey:
    """
    What is true of a whole URLconf.

    Attributes:
        coroutines: Views that are coroutine functions; classes of views with asynchronous methods say that they are.
        is_translated: Whether what a path leads to may depend on the language.
    """

    def __init__(self, resolver: URLResolver) -> None:
        entries = [resolver, *_entries_of(resolver)]
        views = (entry.callback for entry in entries if isinstance(entry, URLPattern))
        self.coroutines = frozenset(filter(iscoroutinefunction, views))
        self.is_translated = any(_is_translated(getattr(entry, "pattern", None)) for entry in entries)
        self._resolver = resolver
        self._is_fixed = not self.is_translated and all(map(_is_djangos_own, entries))
        self._found: dict[str, ResolverMatch] = {}

    def resolve(self, path_info: str) -> ResolverMatch:
        """
        Return what a path leads to.

        What leads to a view without arguments is looked up once, if all that takes part in it is Django's own and no
        path is translated: what others convert may be found at one time and not at another.
        """
        known = self._found.get(path_info)
        if known is not None:
            return _renewed(known)
        match = self._resolver.resolve(path_info)
        if self._is_fixed and not match.args and not match.kwargs:
            if len(self._found) >= MOST_REMEMBERED:
                self._found.clear()
            self._found[path_info] = _renewed(match)
        return match


_survey = functools.lru_cache(maxsize=8)(_Survey)  # Django makes another resolver when settings change


def _renewed(match: ResolverMatch) -> ResolverMatch:
    """Return the same for another request, whose middleware may put arguments into it."""
    copy: ResolverMatch = ResolverMatch.__new__(ResolverMatch)
    vars(copy).update(vars(match), kwargs={})
    return copy


def _is_djangos_own(entry: URLPattern | URLResolver) -> bool:
    parts = (entry, entry.pattern, *getattr(entry.pattern, "converters", {}).values())
    return all(type(part).__module__.startswith("django.urls.") for part in parts)


def _entries_of(resolver: URLResolver) -> Iterator[URLPattern | URLResolver]:
    for entry in resolver.url_patterns:
        yield entry
        if isinstance(entry, URLResolver):
            yield from _entries_of(entry)


def _is_translated(pattern: Any) -> bool:
    """Whether a part of a path may be another one in another language; if not, Django compiles it once."""
    return type(pattern) not in (RegexPattern, RoutePattern) or not (pattern.regex and "regex" in vars(pattern))


def _find_in_language(path_info: str, survey: _Survey) -> Sighting:
    """Look below ``/de/`` with German active, as the middleware for languages will have it."""
    language = translation.get_language()
    if settings.USE_I18N and is_language_prefix_patterns_used(settings.ROOT_URLCONF)[0]:
        language = translation.get_language_from_path(path_info) or language
    with translation.override(language):
        match = get_resolver().resolve(path_info)
        return Sighting(path_info, match, is_for_loop=match.func in survey.coroutines, language=language)
