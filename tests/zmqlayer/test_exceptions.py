"""Errors: one tree, facts in attributes, a sentence as text, and whole after a trip between processes."""

from __future__ import annotations

import pickle

import pytest

from zmqlayer.exceptions import (
    ChannelFull,
    ConfigError,
    InvalidMessage,
    InvalidName,
    LayerClosed,
    MessageTooLarge,
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
        NotReady(3, 1, 2.5, "default"),
        TimeoutError,
        "1 of 3 peers of cluster 'default' became ready within 2.5 s; "
        "check that they run, and use the same cluster, secret and discovery",
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

    assert type(copy) is type(error)
    assert str(copy) == sentence
    assert vars(copy) == vars(error)


def test_every_error_has_an_example() -> None:
    """No error of the tree is missing above."""
    own = {error for error in ZmqLayerError.__subclasses__() if error.__module__ == ZmqLayerError.__module__}

    assert {type(error) for error, _, _ in EXAMPLES} == own


def test_large_values_are_cut() -> None:
    """A huge value is shown by its beginning only."""
    text = str(InvalidMessage("x" * 10_000, "is not a dict"))

    assert text.startswith("'xxx")
    assert text.endswith("… is not a dict")
    assert len(text) < 120
