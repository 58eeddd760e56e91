"""How the conformance suite meets the layer: one node that talks to itself, and two that are linked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest

from zmqlayer import ChannelLayer, InMemoryChannelLayer, SyncChannelLayer


class Ends(NamedTuple):
    """Who sends and who receives; the same layer if there is only one node."""

    sender: SyncChannelLayer
    receiver: SyncChannelLayer


class AsyncEnds(NamedTuple):
    """Likewise, for coroutines."""

    sender: ChannelLayer
    receiver: ChannelLayer


@pytest.fixture
def open_layer() -> Iterator[Callable[..., Any]]:
    """Return a function that opens a layer, linked to those it names as *peers*; all are closed in the end."""
    layers: list[Any] = []

    def open_layer(kind: type[Any] = SyncChannelLayer, peers: tuple[Any, ...] = (), **settings: Any) -> Any:
        seeds = [peer.address for peer in peers]
        layer = settings.pop("make", kind)(discovery="off", seeds=seeds, **settings)
        layers.append(layer)
        layer.start()
        for one in (layer, *peers) if peers else ():
            getattr(one, "sync", one).ready(len(peers) if one is layer else 1)
        return layer

    yield open_layer
    for layer in layers:
        if not layer.node.is_closed:
            layer.node.ask(lambda mesh, now: mesh.flush(now))  # or closing would wait for readers of what is left
            layer.node.close()


def make_solo(kind: type[Any], **settings: Any) -> Any:
    """Return a layer without sockets, with the face that *kind* has."""
    layer = InMemoryChannelLayer(**settings)
    return layer if kind is ChannelLayer else layer.sync


@pytest.fixture(params=["one node", "two nodes", "no sockets"])
def open_ends(request: pytest.FixtureRequest, open_layer: Callable[..., Any]) -> Callable[..., Ends]:
    """Return a function that opens both ends with the same settings."""

    def open_ends(kind: type[Any] = SyncChannelLayer, **settings: Any) -> Any:
        pair = Ends if kind is SyncChannelLayer else AsyncEnds
        if request.param == "no sockets":
            settings["make"] = partial(make_solo, kind)
        receiver = open_layer(kind, **settings)
        if request.param != "two nodes":
            return pair(receiver, receiver)
        return pair(open_layer(kind, (receiver,), **settings), receiver)

    return open_ends


@pytest.fixture
def ends(open_ends: Callable[..., Ends]) -> Ends:
    """Both ends, for threads, with the settings that a user gets."""
    return open_ends()


@pytest.fixture
def async_ends(open_ends: Callable[..., Any]) -> AsyncEnds:
    """Both ends, for coroutines, with the settings that a user gets."""
    return open_ends(ChannelLayer)
