"""Which view a path is for, before there is a request."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import Resolver404, URLResolver, get_resolver, include, path, re_path, register_converter
from django.utils import translation
from django.utils.functional import lazystr

from support.django_project import asynchronous, hello, name_thread
from zmqlayer.worker import views
from zmqlayer.worker.later import ResponseLater
from zmqlayer.worker.views import AsyncViews, Views, find_view

urlpatterns = i18n_patterns(path("async/", asynchronous))


class _InWords(ModuleType):
    """A URLconf with a path that is another one in German."""

    urlpatterns = (path(lazystr("hello/"), hello), path("async/", asynchronous))


class _OfFunctions(ModuleType):
    """A URLconf without coroutines."""

    urlpatterns = (path("hello/", hello), path("below/", include([path("hello/", hello)])))


class _Fixed(ModuleType):
    """A URLconf of Django's own parts."""

    urlpatterns = (
        path("hello/", hello),
        path("async/", asynchronous),
        path("below/", include([path("hello/", hello)])),
        path("n/<int:n>/", hello),
        path("given/", hello, {"n": 1}),
        re_path("^any", hello),
    )


class _Moody:
    """A converter that likes a path or not."""

    regex = ".*"
    likes = False

    def to_python(self, value: str) -> str:
        """Return it, if it is in the mood."""
        if not self.likes:
            raise ValueError
        return value


class _Changing(ModuleType):
    """A URLconf where the same path leads to one view or another."""

    register_converter(_Moody, "moody")
    urlpatterns = (path("<moody:word>/", asynchronous), path("hello/", hello))


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths that Django's resolvers are asked for."""
    paths: list[str] = []
    resolve = URLResolver.resolve

    def noted(resolver: URLResolver, path: str) -> Any:
        if path.startswith("/"):  # not one that is included in another
            paths.append(path)
        return resolve(resolver, path)

    monkeypatch.setattr(URLResolver, "resolve", noted)
    return paths


def match_of(path: str) -> Any:
    """Return what is found for *path*, which leads somewhere."""
    seen = find_view(path)
    assert seen is not None
    return seen.match


def is_for_loop(path: str) -> bool:
    """Whether the view of *path* is found, and is a coroutine function."""
    seen = find_view(path)
    return seen is not None and seen.is_for_loop


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/hello/", False), ("/async/", True), ("/async/class/", True), ("/nowhere/", False), ("", False)],
)
def test_the_kind_of_a_view(path: str, expected: bool) -> None:
    """Functions, coroutine functions, classes; and none."""
    assert is_for_loop(path) is expected


def test_below_a_language(settings: Any) -> None:
    """The path itself says which language its URLs are in."""
    settings.ROOT_URLCONF = __name__
    settings.LANGUAGES = [("en", "English"), ("de", "German")]

    assert [is_for_loop(path) for path in ("/de/async/", "/en/async/", "/async/")] == [True, True, False]


def test_where_all_views_are_functions_nothing_is_looked_up_early(settings: Any) -> None:
    """There is nothing to find out: Django looks once, as it does everywhere."""
    settings.ROOT_URLCONF = _OfFunctions("functions")

    assert find_view("/hello/") is find_view("/below/hello/") is None


def test_a_path_without_arguments_is_looked_up_once(settings: Any, looked_up: list[str]) -> None:
    """All requests for it find the same, and each has arguments of its own for middleware to change."""
    settings.ROOT_URLCONF = _Fixed("fixed")

    matches = [match_of("/hello/") for _ in range(3)]
    for match in matches:
        match.kwargs["n"] = 1
    last = match_of("/hello/")

    assert looked_up == ["/hello/"]
    assert {match.func for match in (*matches, last)} == {hello}
    assert (last.kwargs, last.route, last.url_name) == ({}, "hello/", None)


def test_a_path_of_functions_is_looked_up_once(settings: Any, looked_up: list[str]) -> None:
    """Also where nothing is to be found out before there is a request."""
    settings.ROOT_URLCONF = _OfFunctions("functions")

    for _ in range(3):
        request: Any = RequestFactory().get("/below/hello/")
        request.sighting = find_view("/below/hello/")
        match = Views().resolve_request(request)
        assert (match.func, request.resolver_match, match.kwargs) == (hello, match, {})
        match.kwargs["n"] = 1

    assert looked_up == ["/below/hello/"]


def test_a_path_with_arguments_is_looked_up_each_time(settings: Any, looked_up: list[str]) -> None:
    """There may be any number of them."""
    settings.ROOT_URLCONF = _Fixed("fixed")

    found = [match_of(path).kwargs for path in ("/n/1/", "/n/1/", "/given/", "/given/")]

    assert found == [{"n": 1}] * 4
    assert looked_up == ["/n/1/", "/n/1/", "/given/", "/given/"]


def test_what_others_convert_is_looked_up_each_time(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may look at a database, or at the clock."""
    settings.ROOT_URLCONF = _Changing("changing")
    before = match_of("/hello/").func
    monkeypatch.setattr(_Moody, "likes", True)

    assert (before, match_of("/hello/").func) == (hello, asynchronous)


def test_paths_that_are_remembered_are_few(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pattern may match any number of them."""
    settings.ROOT_URLCONF = _Fixed("fixed")
    monkeypatch.setattr(views, "MOST_REMEMBERED", 3)

    found = {match_of(f"/any/{n}").func for n in range(20)}

    assert found == {hello}
    assert 0 < len(views._survey(get_resolver())._found) <= 3


def test_no_path_is_looked_up_twice() -> None:
    """What was seen is used."""
    request: Any = RequestFactory().get("/hello/")
    request.sighting = find_view("/hello/")

    assert Views().resolve_request(request) is request.sighting.match is request.resolver_match


def test_middleware_may_change_the_path() -> None:
    """Then what was seen does not count."""
    request: Any = RequestFactory().get("/hello/")
    request.sighting = find_view("/thread/")

    assert Views().resolve_request(request).func is hello


def test_middleware_may_change_the_urls() -> None:
    """Likewise."""
    request: Any = RequestFactory().get("/async/thread/")
    request.sighting, request.urlconf = find_view("/async/thread/"), "support.other_urls"

    assert Views().resolve_request(request).func is name_thread


@pytest.mark.parametrize(("urls", "is_seen"), [("support.django_project", True), (_InWords("words"), False)])
def test_middleware_may_change_the_language(urls: Any, is_seen: bool, settings: Any) -> None:
    """Where some path is translated they are looked up again; where none is, what was seen is used."""
    settings.ROOT_URLCONF = urls
    request: Any = RequestFactory().get("/hello/")
    request.sighting = find_view("/hello/")

    with translation.override("de"):
        match = Views().resolve_request(request)

    assert match.func is hello
    assert (match is request.sighting.match) is is_seen


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [([], False), (["django.middleware.common.CommonMiddleware"], False), (["support.other_urls.switch"], True)],
)
def test_middleware_that_holds_a_thread(settings: Any, middleware: list[str], expected: bool) -> None:
    """Django's own does not; a function does that can only be called from a thread."""
    settings.MIDDLEWARE = middleware
    views = AsyncViews()

    views.load()

    assert views.holds_thread is expected


def test_no_view() -> None:
    """Is Django's own error."""
    with pytest.raises(Resolver404):
        Views().resolve_request(RequestFactory().get("/nowhere/"))


def test_later_that_was_raised() -> None:
    """Is the response; all other exceptions go to the middleware."""
    views, later = Views(), ResponseLater()
    views.load()

    assert views.process_exception_by_middleware(later, HttpRequest()) is later
    assert views.process_exception_by_middleware(ValueError(), HttpRequest()) is None
    assert isinstance(later, HttpResponse)
