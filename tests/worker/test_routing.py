"""Routing: routes, filters, includes, defaults."""

from __future__ import annotations

from collections import ChainMap
from typing import Any

import pytest

from support.memory_layer import MemoryLayer
from zmqlayer.exceptions import InvalidName
from zmqlayer.worker import Message, include, route, route_class
from zmqlayer.worker.exceptions import InvalidRoutingError
from zmqlayer.worker.handler import ViewConsumer
from zmqlayer.worker.routing import Route, Router, connect_consumer, consumer_name, load_routing, null_consumer
from zmqlayer.worker.sessions import channel_session, uses_channel_session


def chat_receive(message: Message, **kwargs: Any) -> None:
    """A consumer."""


def blog_receive(message: Message, **kwargs: Any) -> None:
    """Another."""


@channel_session
def with_session(message: Message) -> None:
    """A consumer that uses a session."""


def found(router: Router, message: Message) -> tuple[Any, dict[str, Any]] | None:
    """The consumer that a router finds, and its keyword arguments."""
    match = router.match(message)
    return None if match is None else (match.consumer, match.kwargs)


blog_routes = [route("websocket.receive", blog_receive, path=r"^/(?P<slug>[a-z]+)/$")]


def received(path: str, **values: Any) -> Message:
    """A message on websocket.receive."""
    return Message({"path": path, **values}, "websocket.receive", MemoryLayer())


def test_the_channel_decides() -> None:
    """A route without filters takes every message of its channel, and of no other."""
    router = Router([route("thumbnail.make", chat_receive)])

    assert found(router, Message({}, "thumbnail.make", MemoryLayer())) == (chat_receive, {})
    assert router.match(received("/")) is None


def test_one_route_for_several_channels() -> None:
    """A route may name several channels."""
    router = Router([route(["websocket.connect", "websocket.receive"], chat_receive)])

    assert router.channels == {"websocket.connect", "websocket.receive"}
    assert found(router, received("/")) == (chat_receive, {})


def test_named_groups_become_keyword_arguments() -> None:
    """What a filter's named group matched is given to the consumer."""
    router = Router([route("websocket.receive", chat_receive, path=r"^/chat/(?P<room>\w+)/$")])

    assert found(router, received("/chat/lobby/")) == (chat_receive, {"room": "lobby"})
    assert router.match(received("/elsewhere/")) is None


@pytest.mark.parametrize(
    ("values", "fits"),
    [
        ({"text": "hello"}, True),
        ({"text": "oh, hello"}, False),  # re.match looks at the start
        ({"text": b"hello"}, True),
        ({"text": None}, False),
        ({"text": ["hello"]}, False),
        ({}, False),
    ],
)
def test_a_filter_on_any_key(values: dict[str, Any], fits: bool) -> None:
    """A filter looks at the text, bytes or number under its key; a message without one does not fit."""
    router = Router([route("websocket.receive", chat_receive, text="hello")])

    assert (router.match(received("/", **values)) is not None) is fits


def test_a_filter_on_a_number() -> None:
    """Numbers are matched as they are written."""
    router = Router([route("websocket.receive", chat_receive, order=r"1$")])

    assert router.match(received("/", order=1))
    assert not router.match(received("/", order=21))


def test_all_filters_must_match() -> None:
    """Several filters are all needed, and their groups come together."""
    router = Router([route("websocket.receive", chat_receive, path=r"/(?P<room>\w+)", text=r"(?P<verb>\w+)")])

    assert found(router, received("/lobby", text="sing now")) == (chat_receive, {"room": "lobby", "verb": "sing"})
    assert router.match(received("/lobby", text="")) is None


def test_the_first_route_wins() -> None:
    """Routes are tried in order."""
    router = Router([route("websocket.receive", chat_receive, path="/chat"), route("websocket.receive", blog_receive)])

    assert found(router, received("/chat")) == (chat_receive, {})
    assert found(router, received("/blog")) == (blog_receive, {})


def test_an_include_takes_its_prefix_off() -> None:
    """Included routes see what follows the prefix, and both give keyword arguments."""
    router = Router([include(blog_routes, path=r"^/(?P<language>en|pt)")])

    assert found(router, received("/pt/news/")) == (blog_receive, {"language": "pt", "slug": "news"})
    assert router.match(received("/news/")) is None


def test_includes_in_includes() -> None:
    """Each include takes its own part off."""
    router = Router([include([include(blog_routes, path="^/b")], path="^/a")])

    assert found(router, received("/a/b/news/")) == (blog_receive, {"slug": "news"})


def test_an_include_leaves_the_message_alone() -> None:
    """The consumer's message has the whole path, and its body was not copied."""
    body = b"x" * 1000
    message = received("/pt/news/", text=None, bytes=body)
    router = Router([include(blog_routes, path=r"^/pt")])

    router.match(message)

    assert message["path"] == "/pt/news/"
    assert message["bytes"] is body


def test_an_include_without_prefix() -> None:
    """Nothing is taken off where nothing is said."""
    assert found(Router([include(blog_routes)]), received("/news/")) == (blog_receive, {"slug": "news"})


def test_dotted_paths() -> None:
    """Consumers and routings may be named; they are imported when the route is made."""
    router = Router("support.named_routing.routes")

    match = router.match(received("/named/"))

    assert match is not None
    assert consumer_name(match.consumer) == "support.named_routing.named_consumer"


def test_a_dict_is_a_routing() -> None:
    """The short form of Channels 1: channel name to consumer."""
    assert found(Router({"websocket.receive": chat_receive}), received("/")) == (chat_receive, {})


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: route("a", chat_receive, path=r"^/(\w+)/"),
            r"^<Route a -> .*chat_receive> has path='\^/.*' with a group",
        ),
        (
            lambda: route("a", chat_receive, path="("),
            r"^<Route a -> .*chat_receive> has path='\(', which is no regular expression: missing \), unterminated",
        ),
        (lambda: route("a", chat_receive, path=b"\xff"), r"has path=b'\\xff', which is no regular expression: 'ascii'"),
        (lambda: route("a", chat_receive, path=7), r"has path=7, which is no regular expression: "),  # type: ignore[arg-type]  # the mistake under test
        (
            lambda: include("support.named_routing.routes", path="["),
            r"^'support.named_routing.routes' has path='\[', which is no regular expression: unterminated character",
        ),
        (lambda: route("a", "nowhere.consumer"), "names a consumer that cannot be imported: No module named 'nowhere'"),
        (lambda: route("a", 7), "it cannot be called"),  # type: ignore[arg-type]  # the mistake under test
        (lambda: Router("support.named_routing.nothing"), "names a routing that cannot be imported"),
        (lambda: Router([chat_receive]), "only route"),  # type: ignore[list-item]  # the mistake under test
        (lambda: Router(7), "is not a routing"),  # type: ignore[arg-type]  # the mistake under test
    ],
)
def test_mistakes_are_named(build: Any, sentence: str) -> None:
    """A routing that cannot work is refused when it is made, with what is wrong with it."""
    with pytest.raises(InvalidRoutingError, match=sentence):
        build()


def test_channels_must_be_names() -> None:
    """A channel that nobody could send to is refused where it is written, not when a worker reads it."""
    with pytest.raises(InvalidName, match="is not a channel name"):
        route("no such name", chat_receive)


def test_coroutine_functions_are_consumers() -> None:
    """The worker is told that calling them only begins."""

    async def consumer(message: Message) -> None:
        """Do nothing."""

    class Callable:
        async def __call__(self, message: Message) -> None:
            """Do nothing."""

    consumers = (consumer, Callable(), chat_receive)
    matches = [Router([route("a", each)]).match(Message({}, "a", MemoryLayer())) for each in consumers]

    assert [match is not None and match.is_async for match in matches] == [True, True, False]


def test_what_is_known_of_a_consumer() -> None:
    """Its name, for the log, and whether it minds connections to the database itself, as Django's views do."""
    router = Router([route("a", chat_receive, path="^/(?P<room>x)")])
    router.check_default()
    consumer, views = (
        router.match(Message({"path": "/x"}, "a", MemoryLayer())),
        router.match(Message({"path": "/"}, "http.request", MemoryLayer())),
    )

    assert consumer is not None and views is not None
    assert (consumer.name, consumer.minds_connections) == (f"{__name__}.chat_receive", False)
    assert (views.name, views.minds_connections) == ("zmqlayer.worker.handler.ViewConsumer", True)


class Greeter:
    """A consumer class, as small as it can be."""

    def __init__(self, message: Message, **kwargs: Any) -> None:
        self.kwargs = kwargs

    @classmethod
    def channel_names(cls) -> set[str]:
        """What it reads."""
        return {"greet", "leave"}

    def dispatch(self, message: Message, **kwargs: Any) -> None:
        """Write down what came."""
        message["seen"] = (message.channel.name, self.kwargs, kwargs)


@pytest.mark.parametrize(
    "entry",
    [route_class(Greeter, name=r"^(?P<name>\w+)$"), route(["greet", "leave"], Greeter, name=r"^(?P<name>\w+)$")],
)
def test_a_class_gets_an_instance_for_each_message(entry: Any) -> None:
    """The class says which channels it wants; the filters' groups are given to the instance and to its dispatch."""
    message = Message({"name": "eve"}, "greet", MemoryLayer())

    match = Router([entry]).match(message)

    assert match is not None
    match.call(message)
    assert message["seen"] == ("greet", {"name": "eve"}, {"name": "eve"})
    assert entry.channel_names() == {"greet", "leave"}
    assert consumer_name(match.consumer).endswith("test_routing.Greeter")


def test_a_class_that_dispatches_in_a_coroutine() -> None:
    """Its consumer is one of the event loop."""

    class Later(Greeter):
        async def dispatch(self, message: Message, **kwargs: Any) -> None:
            """Do nothing."""

    match = Router([route_class(Later)]).match(Message({}, "leave", MemoryLayer()))

    assert match is not None
    assert match.is_async


def test_only_consumer_classes_have_class_routes() -> None:
    """Anything else is refused with what is missing."""
    with pytest.raises(InvalidRoutingError, match=r"has no channel_names\(\)"):
        route_class(dict)


@pytest.mark.parametrize(
    ("channel", "consumer"),
    [
        ("websocket.connect", connect_consumer),
        ("websocket.receive", null_consumer),
        ("websocket.disconnect", null_consumer),
    ],
)
def test_default_routes(channel: str, consumer: object) -> None:
    """What no route wants is accepted or ignored."""
    router = Router([])
    router.check_default()

    assert found(router, Message({}, channel, MemoryLayer())) == (consumer, {})


def test_requests_go_to_the_views_by_default() -> None:
    """A request that no route wants is for Django's views; routes come first."""
    router = Router([route("http.request", chat_receive, path="/api/")])
    router.check_default()

    views = router.match(Message({"path": "/"}, "http.request", MemoryLayer()))

    assert views is not None
    assert isinstance(views.consumer, ViewConsumer)
    assert found(router, Message({"path": "/api/"}, "http.request", MemoryLayer())) == (chat_receive, {})


def test_another_consumer_for_requests() -> None:
    """The views can be replaced."""
    router = Router([])
    router.check_default(http_consumer=chat_receive)

    assert found(router, Message({}, "http.request", MemoryLayer())) == (chat_receive, {})


@pytest.mark.parametrize(("consumer", "ends"), [(with_session, True), (chat_receive, False)])
def test_disconnects_end_sessions_where_sessions_are_used(consumer: Any, ends: bool) -> None:
    """One consumer with a session anywhere in the routing, and every disconnect deletes the session."""
    router = Router([include([route("websocket.receive", consumer)])])
    router.check_default()

    match = router.match(Message({}, "websocket.disconnect", MemoryLayer()))

    assert match is not None
    assert uses_channel_session(match.consumer) is ends


def test_prefix_values_are_a_view() -> None:
    """Taking a prefix off costs the same for any size of message: only the shortened value is new."""
    seen: list[Any] = []

    class Spy(Route):
        def match(self, channel: str, values: Any) -> None:
            seen.append(values)

    entry = include([Spy("websocket.receive", chat_receive)], path="/a")

    entry.match("websocket.receive", {"path": "/a/b", "text": "x"})

    assert isinstance(seen[0], ChainMap)
    assert dict(seen[0]) == {"path": "/b", "text": "x"}


def test_the_routing_of_the_settings(settings: Any) -> None:
    """ZMQLAYER_ROUTING names the routing; a ROUTING beside BACKEND wins; neither means the defaults only."""
    assert load_routing("default") == []
    settings.ZMQLAYER_ROUTING = "chat.routing.routes"
    assert load_routing("default") == "chat.routing.routes"
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "x", "ROUTING": "own.routes"}}
    assert load_routing("default") == "own.routes"


def test_routers_tell_what_they_read() -> None:
    """A router's repr names its channels, a route's its consumer."""
    entry = route("websocket.receive", chat_receive)

    assert repr(Router([entry])) == "<Router [websocket.receive]>"
    assert "websocket.receive -> " in repr(entry)
    assert repr(include([entry])) == "<Include of 1 entries>"
