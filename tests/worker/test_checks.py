"""System checks: each wrong setting has a sentence, and a hint that is the cure."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import CommandError, call_command, find_commands

from support.named_routing import named_consumer
from zmqlayer.slot import NodeSlot
from zmqlayer.worker import Message, channel_session, checks, include, route
from zmqlayer.worker.checks import TAG

OURS = {"BACKEND": "zmqlayer.ChannelLayer"}
LONG_SECRET = "0123456789abcdef"


@channel_session
def with_session(message: Message) -> None:
    """A consumer that uses a session."""


@pytest.fixture(autouse=True)
def sound(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings with nothing wrong; and whatever a check does, it starts no node."""
    settings.CHANNEL_LAYERS = {"default": OURS}
    settings.ZMQLAYER_ROUTING = "support.named_routing.routes"

    def refuse(*args: object) -> None:
        raise AssertionError("a check has started a node")

    monkeypatch.setattr(NodeSlot, "_fill", refuse)


def found(**options: Any) -> list[CheckMessage]:
    """Run our checks."""
    return run_checks(tags=[TAG], **options)


def only() -> CheckMessage:
    """Return the one thing that the checks found."""
    (message,) = found()
    assert message.hint
    return message


def test_sound_settings() -> None:
    """Where nothing is wrong nothing is said."""
    assert found() == []


def test_manage_py_check(settings: Any) -> None:
    """``manage.py check`` runs them, and an error ends a command before it starts."""
    settings.CHANNEL_LAYERS = {"default": {**OURS, "CONFIG": {"capcity": 5}}}
    errors = io.StringIO()

    with pytest.raises(CommandError, match=r"\(zmqlayer.E004\) CHANNEL_LAYERS\['default'\]\['CONFIG'\]") as caught:
        call_command("check", stderr=errors)

    assert "HINT: Rename 'capcity' to 'capacity'" in str(caught.value)


WRONG_LAYERS = [
    ({}, "W001", "CHANNEL_LAYERS is missing", "Add CHANNEL_LAYERS = "),
    (["default"], "E001", "is a list, not a dict", "Write CHANNEL_LAYERS = "),
    ({"default": {}}, "E001", "['default'] needs a BACKEND", '"BACKEND": "zmqlayer.ChannelLayer"'),
    ({"default": "zmqlayer.ChannelLayer"}, "E001", "needs a BACKEND", '"BACKEND": "zmqlayer.ChannelLayer"'),
    ({"default": {"BACKEND": "no.Where"}}, "E002", "No module named 'no'", '"BACKEND": "zmqlayer.ChannelLayer"'),
    ({"default": {"BACKEND": "zmqlayer.Nothing"}}, "E002", "cannot be imported", '"BACKEND": "zmqlayer.ChannelLayer"'),
    ({"default": {"BACKEND": "asgi_redis.RedisChannelLayer"}}, "E003", "of Channels 1.x", "it needs no server"),
    ({"default": {"BACKEND": "asgiref.inmemory.ChannelLayer"}}, "E003", "of Channels 1.x", "it needs no server"),
    (
        {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": []}}},
        "W002",
        "'manage.py runworker' cannot use",
        "it needs no server",
    ),
    ({"default": {**OURS, "ROUTNG": "x"}}, "W003", "has the key 'ROUTNG', which nobody reads", "mean 'ROUTING'?"),
    ({"default": {**OURS, "capacity": 5}}, "W003", "has the key 'capacity'", "go into CONFIG"),
    ({"default": {**OURS, "CONFIG": {"capacity": 0}}}, "E004", "'capacity': 0 is below 1", "Correct 'capacity'"),
    ({"default": {**OURS, "CONFIG": {"xyzzy": 1}}}, "E004", "'xyzzy': is unknown", "Correct 'xyzzy' in"),
    ({"default": {**OURS, "CONFIG": {"secret": "short"}}}, "E004", "has 5 bytes and needs 16", "Correct 'secret'"),
    ({"default": {**OURS, "CONFIG": {"hosts": []}}}, "E004", "of channels_redis names a server", "Correct 'hosts'"),
    (
        {"default": {**OURS, "CONFIG": {"limits": {"published_bytes": 3}}}},
        "E004",
        "setting 'limits': 'published_bytes': 3 is below max_message_size (1,048,576)",
        "Correct 'limits' in CHANNEL_LAYERS['default']['CONFIG']",
    ),
    ({"default": {**OURS, "CONFIG": {"limts": {}}}}, "E004", "'limts': is unknown", "Rename 'limts' to 'limits'"),
    (
        {"default": {**OURS, "CONFIG": {"max_message_size": 100_000_000, "peer_bytes": 100_000_000}}},
        "E004",
        "setting 'limits': 'published_bytes': 67,108,864 is below max_message_size (100,000,000)",
        "Correct 'limits' in CHANNEL_LAYERS['default']['CONFIG']",
    ),
    ({"default": {**OURS, "CONFIG": "capacity"}}, "E004", "cannot be read", "Make it a dict"),
    ({"default": {**OURS, "CONFIG": None}}, "E004", "cannot be read", "Make it a dict"),
    (
        {"default": OURS, "other": OURS},
        "E005",
        "'default' and 'other' are both in cluster 'default'",
        "Set 'cluster' in",
    ),
    ({"default": {**OURS, "ROUTING": "no.routes"}}, "E006", "'no.routes' names a routing", "Correct the routing"),
]


@pytest.mark.parametrize(("layers", "id", "sentence", "hint"), WRONG_LAYERS)
def test_wrong_layers(settings: Any, layers: Any, id: str, sentence: str, hint: str) -> None:
    """Each mistake in CHANNEL_LAYERS is found once, named, and told how to be cured."""
    settings.CHANNEL_LAYERS = layers

    message = only()

    assert message.id == f"zmqlayer.{id}"
    assert sentence in message.msg
    assert message.hint is not None
    assert hint in message.hint


def test_a_wrong_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says counts too, and the hint names the variable."""
    monkeypatch.setenv("ZMQLAYER_EXPIRY", "soon")

    message = only()

    assert "setting 'expiry': 'soon' is not a number of seconds" in message.msg
    assert "ZMQLAYER_EXPIRY" in str(message.hint)


def test_clusters_of_their_own(settings: Any) -> None:
    """Two aliases are fine if they are two meshes."""
    settings.CHANNEL_LAYERS = {"default": OURS, "other": {**OURS, "CONFIG": {"cluster": "other"}}}

    assert found() == []


def test_backends_of_others_are_left_alone(settings: Any) -> None:
    """Of a backend that is not ours only the import is checked; it may have any settings."""
    settings.CHANNEL_LAYERS = {
        alias: {"BACKEND": "support.memory_layer.MemoryBackend", "CONFIG": {"anything": 1}} for alias in ("a", "b")
    }

    assert found() == []


@pytest.mark.parametrize(
    ("routing", "sentence"),
    [
        ("no.routes", "'no.routes' names a routing that cannot be imported: No module named 'no'"),
        ("support.broken_routing.routes", "importing it raises RuntimeError: half of a merge"),
        ("support.unnamed_group.routes", " with a group without a name: write (?P<name>...) or (?:...)"),
        ("support.broken_pattern.routes", "> has path='(', which is no regular expression: missing )"),
        ({"websocket.receive": "no.consumer"}, "'no.consumer' names a consumer that cannot be imported"),
        ({"no spaces": named_consumer}, "'no spaces' is not a channel name"),
        ([named_consumer], "where only route(...) and include(...) may be"),
        (7, "7 is not a routing"),
    ],
)
def test_wrong_routing(settings: Any, routing: Any, sentence: str) -> None:
    """A routing that no worker could start with is found before one starts."""
    settings.ZMQLAYER_ROUTING = routing

    message = only()

    assert message.id == "zmqlayer.E006"
    assert sentence in message.msg


def test_sessions_in_cookies(settings: Any) -> None:
    """The engine that cannot keep channel sessions is found if, and only if, some consumer uses one."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    assert found() == []

    settings.ZMQLAYER_ROUTING = [include([route("websocket.receive", with_session)], path="^/chat")]

    message = only()
    assert message.id == "zmqlayer.E007"
    assert "test_checks.with_session cannot be kept" in message.msg
    assert "CHANNEL_SESSION_ENGINE = " in str(message.hint)

    settings.CHANNEL_SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    assert found() == []


def test_an_engine_that_does_not_exist(settings: Any) -> None:
    """A misspelt engine is found too."""
    settings.CHANNEL_SESSION_ENGINE = "django.contrib.sessions.backends.databse"
    settings.ZMQLAYER_ROUTING = [route("websocket.receive", with_session)]

    assert "databse" in only().msg


def test_an_application_that_cannot_be_imported(settings: Any) -> None:
    """ASGI_APPLICATION is imported, as servers and ``runworker --asgi`` will."""
    settings.ASGI_APPLICATION = "support.named_routing.routes"
    assert found() == []

    settings.ASGI_APPLICATION = "mysite.asgi.application"

    message = only()
    assert message.id == "zmqlayer.E008"
    assert "No module named 'mysite'" in message.msg


def test_a_command_that_is_hidden(settings: Any) -> None:
    """Channels has a ``runworker`` too; the app that stands first wins, and that should be ours."""
    settings.INSTALLED_APPS = ["zmqlayer.worker", "channels"]
    assert found() == []

    settings.INSTALLED_APPS = ["channels", "zmqlayer.worker"]

    message = only()
    assert message.id == "zmqlayer.W004"
    assert message.msg == "'manage.py runworker' is the command of 'channels', which stands before 'zmqlayer.worker'."
    assert message.hint == "Put 'zmqlayer.worker' before 'channels' in INSTALLED_APPS."


def test_the_runserver_of_static_files(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ours is hidden by that of django.contrib.staticfiles, the cure is the order of the apps."""

    def with_runserver(folder: str) -> list[str]:
        found = find_commands(folder)
        return [*found, "runserver"] if "runworker" in found else found

    monkeypatch.setattr(checks, "find_commands", with_runserver)
    settings.INSTALLED_APPS = ["django.contrib.staticfiles", "zmqlayer.worker"]

    message = only()

    assert "'manage.py runserver' is the command of 'django.contrib.staticfiles'" in message.msg
    assert message.hint == "Put 'zmqlayer.worker' before 'django.contrib.staticfiles' in INSTALLED_APPS."


@pytest.mark.parametrize(
    ("secret_key", "config", "is_told"),
    [
        ("django-insecure-" + "x" * 50, {}, True),
        ("short", {}, True),
        ("short", {"secret": LONG_SECRET}, False),
        ("short", {"discovery": "localhost"}, False),
        ("0123456789" * 5, {}, False),
    ],
)
def test_a_weak_key_of_a_deployed_site(settings: Any, secret_key: str, config: Any, is_told: bool) -> None:
    """``check --deploy`` says that a weak SECRET_KEY keeps the mesh on one machine; in development that is right."""
    settings.SECRET_KEY = secret_key
    settings.CHANNEL_LAYERS = {"default": {**OURS, "CONFIG": config}}

    deployed = found(include_deployment_checks=True)

    assert [message.id for message in deployed] == ["zmqlayer.W005"] * is_told
    assert found() == []
