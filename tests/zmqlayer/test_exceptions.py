"""Errors: one tree, facts in attributes, a sentence as text, and whole after a trip between processes."""

from __future__ import annotations

import pickle
import sys
from types import ModuleType
from typing import Any

import pytest

from zmqlayer.exceptions import (
    ChannelFull,
    ConfigError,
    InvalidMessage,
    InvalidName,
    LayerClosed,
    LimitReached,
    MessageTooLarge,
    NotAnswered,
    NotConfirmed,
    NotReady,
    ProtocolError,
    TransportError,
    ZmqLayerError,
)

EXAMPLES: list[tuple[ZmqLayerError, type[Exception], str]] = [
    (ConfigError("expiry", "is wrong"), ValueError, "setting 'expiry': is wrong"),
    (InvalidName("a b", "is not a channel name"), TypeError, "'a b' is not a channel name"),
    (InvalidMessage([1], "is not a dict"), TypeError, "[1] is not a dict"),
    (
        MessageTooLarge("http.request", 2_000_000, 1_048_576),
        ZmqLayerError,
        "the message for 'http.request' is 2,000,000 bytes as msgpack and max_message_size is 1,048,576; "
        "send it in pieces, or raise max_message_size on every node",
    ),
    (
        ChannelFull("http.request", 100),
        ZmqLayerError,
        "channel 'http.request' is full: 100 messages from this process are unread; "
        "read faster, or raise capacity or channel_capacity",
    ),
    (
        ChannelFull("reply!", 16_777_216, "peer bytes"),
        ZmqLayerError,
        "channel 'reply!' is full: its process has 16,777,216 bytes of ours unread, which is the limit for one peer",
    ),
    (
        ChannelFull("http.request", 100_000, "entrusted"),
        ZmqLayerError,
        "channel 'http.request' is full: 100,000 messages whose loss this process wants to hear of are not answered "
        "yet, which is the limit for all together; run more readers",
    ),
    (
        NotReady(3, 1, 2.5, "default"),
        TimeoutError,
        "1 of 3 peers of cluster 'default' became ready within 2.5 s; "
        "check that they run, and use the same cluster, secret and discovery",
    ),
    (
        LimitReached("named_members", 1000),
        ZmqLayerError,
        "this node has 1,000 named members, and its limits allow no more",
    ),
    (
        LimitReached("memberships"),
        ZmqLayerError,
        "the node that was asked has as many memberships as its limits allow",
    ),
    (
        NotConfirmed("reply!1", "room"),
        TimeoutError,
        "the process that owns 'reply!1' did not confirm in time that its membership in group 'room' has changed; "
        "it may have changed, and asking again is safe",
    ),
    (
        NotAnswered(4.0),
        TimeoutError,
        "this process's node was not done within 4 s with what it was asked: it stood still; it may be done by now, "
        "and asking again is safe",
    ),
    (LayerClosed(), ZmqLayerError, "this channel layer was closed and cannot be used again; build a new one"),
    (TransportError("port 5757 is in use"), OSError, "port 5757 is in use"),
    (ProtocolError("frame of 3 bytes"), ZmqLayerError, "frame of 3 bytes"),
]

examples = pytest.mark.parametrize(
    ("error", "builtin", "sentence"), EXAMPLES, ids=[type(error).__name__ for error, _, _ in EXAMPLES]
)


@examples
def test_errors_are_sentences(error: ZmqLayerError, builtin: type[Exception], sentence: str) -> None:
    """An error's text is one sentence with the value and the limit in it."""
    assert str(error) == sentence


@examples
def test_errors_form_one_tree(error: ZmqLayerError, builtin: type[Exception], sentence: str) -> None:
    """Everything is a ZmqLayerError, and also the built-in error that callers may expect."""
    assert isinstance(error, ZmqLayerError)
    assert isinstance(error, builtin)


@examples
def test_errors_cross_processes(error: ZmqLayerError, builtin: type[Exception], sentence: str) -> None:
    """A pickled error comes back with its type, its facts and its sentence."""
    copy = pickle.loads(pickle.dumps(error))

    assert isinstance(copy, type(error))
    assert str(copy) == sentence
    assert vars(copy) == vars(error)


def test_every_error_has_an_example() -> None:
    """No error of the tree is missing above."""
    own = {error.__name__ for error in ZmqLayerError.__subclasses__() if error.__module__ == ZmqLayerError.__module__}

    assert {type(error).__name__ for error, _, _ in EXAMPLES} == own  # where Channels is imported the types are joined


def test_large_values_are_cut() -> None:
    """A huge value is shown by its beginning only."""
    text = str(InvalidMessage("x" * 10_000, "is not a dict"))

    assert text.startswith("'xxx")
    assert text.endswith("… is not a dict")
    assert len(text) < 120


class Channels(ModuleType):
    """What ``channels.exceptions`` looks like to whoever imports it."""

    class ChannelFull(Exception):
        """As in Channels."""

    class MessageTooLarge(Exception):
        """As in Channels."""

    class InvalidChannelLayerError(ValueError):
        """As in Channels."""


RELATED: list[tuple[type[ZmqLayerError], tuple[object, ...], type[Exception]]] = [
    (ChannelFull, ("jobs", 100), Channels.ChannelFull),
    (MessageTooLarge, ("jobs", 2, 1), Channels.MessageTooLarge),
    (ConfigError, ("expiry", "is wrong"), Channels.InvalidChannelLayerError),
]
related = pytest.mark.parametrize(("kind", "arguments", "relative"), RELATED, ids=["full", "large", "config"])


@pytest.fixture
def channels(monkeypatch: pytest.MonkeyPatch) -> Channels:
    """Django Channels, imported."""
    module = Channels("channels.exceptions")
    monkeypatch.setitem(sys.modules, "channels.exceptions", module)
    return module


@related
def test_errors_are_those_of_channels_too(
    channels: Channels, kind: Any, arguments: tuple[object, ...], relative: type[Exception]
) -> None:
    """Whoever imported Channels may catch its classes; the error is ours all the same, and looks it."""
    error = kind(*arguments)

    assert isinstance(error, relative)
    assert isinstance(error, kind)
    assert repr(error) == repr(kind(*arguments))
    assert type(kind(*arguments)) is type(error)


@related
def test_errors_of_channels_travel_between_processes(
    channels: Channels, kind: Any, arguments: tuple[object, ...], relative: type[Exception]
) -> None:
    """An error is whole after a trip, also to a process that does not use Channels."""
    packed = pickle.dumps(kind(*arguments))

    assert isinstance(pickle.loads(packed), relative)
    del sys.modules["channels.exceptions"]
    copy = pickle.loads(packed)
    assert (type(copy), str(copy)) == (kind, str(kind(*arguments)))


@related
def test_types_of_errors_travel_between_processes(
    channels: Channels, kind: Any, arguments: tuple[object, ...], relative: type[Exception]
) -> None:
    """Django's parallel tests pickle the type of an error beside the error."""
    error = type(kind(*arguments))
    packed = pickle.dumps(error)

    assert pickle.loads(packed) is error
    del sys.modules["channels.exceptions"]
    assert pickle.loads(packed) is kind


def test_other_errors_and_modules_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors without a counterpart stay as they are, and so do all beside a module that is not Channels."""
    monkeypatch.setitem(sys.modules, "channels.exceptions", ModuleType("channels.exceptions"))

    assert type(ChannelFull("jobs", 1)) is ChannelFull
    assert type(InvalidName("a b", "is wrong")) is InvalidName
