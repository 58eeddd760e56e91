"""What Channels' own base class offers: the same names, and answers as strict as the contract's."""

from __future__ import annotations

import inspect
import re
from functools import partial
from typing import Any

import pytest

from support.doubles import fake_node
from zmqlayer.backend import Backend
from zmqlayer.exceptions import ConfigError, InvalidName
from zmqlayer.layer import AsyncLayer
from zmqlayer.slot import NodeSlot

WIDE = re.compile(r"wide\.")


@pytest.fixture
def backend() -> Backend:
    """A layer with capacities by glob and by pattern; nothing starts."""
    return Backend(NodeSlot(partial(fake_node, capacity=7, channel_capacity={"reply*!": 3, WIDE: 50, "w*": 4})))


def test_everything_of_channels_is_there() -> None:
    """Each public name of ``BaseChannelLayer`` exists, and each method takes its arguments."""
    channels = pytest.importorskip("channels.layers", reason="Channels is not installed")
    theirs = vars(channels.BaseChannelLayer)
    public = [name for name in theirs if not name.startswith("_")]
    ours = AsyncLayer(NodeSlot(fake_node))

    assert [name for name in [*public, "expiry", "capacity", "channel_capacity"] if not hasattr(ours, name)] == []
    for name in filter(lambda name: inspect.isfunction(theirs[name]), public):
        arguments = dict.fromkeys(list(inspect.signature(theirs[name]).parameters)[1:])
        inspect.signature(getattr(ours, name)).bind(**arguments)


@pytest.mark.parametrize(
    ("channel", "capacity"),
    [("reply.a!", 3), ("reply.a!b", 7), ("wide.1", 50), ("wider", 4), ("other", 7)],
)
def test_capacities_go_by_the_first_pattern(backend: Backend, channel: str, capacity: int) -> None:
    """Globs match whole names, compiled patterns their beginning; what matches none has the layer's capacity."""
    assert backend.get_capacity(channel) == capacity


def test_capacities_are_compiled(backend: Backend) -> None:
    """As the layer itself holds them, and checked."""
    compiled = backend.compile_capacities({"reply*!": 3, WIDE: 50, "w*": 4})

    assert compiled == backend.channel_capacity
    with pytest.raises(ConfigError):
        backend.compile_capacities({"x": 0})


@pytest.mark.parametrize("name", [None, b"x", "", "a b", "a\n", "ä", "a!b!c", "a٣", "x!é", "x" * 100], ids=repr)
def test_bad_names_are_type_errors(backend: Any, name: object) -> None:
    """Also those that Channels lets pass by mistake: a newline at the end, letters and digits beyond ASCII."""
    for check in (
        backend.require_valid_channel_name,
        backend.require_valid_group_name,
        lambda name: backend.valid_channel_names([name]),
    ):
        with pytest.raises(TypeError):
            check(name)


def test_good_names_are_true(backend: Backend) -> None:
    """Names up to 99 characters; a list of them too."""
    assert backend.require_valid_channel_name("a.b-c_D9!x")
    assert backend.require_valid_group_name("x" * 99)
    assert backend.valid_channel_names(["a", "b!"], receive=True)
    assert [backend.match_type_and_length(name) for name in ("x" * 99, "x" * 100, 5)] == [True, False, False]


def test_names_to_receive_end_at_the_mark(backend: Backend) -> None:
    """That is what Channels asks of its layers; ours receive from full names as well."""
    assert backend.require_valid_channel_name("a!", receive=True)
    with pytest.raises(InvalidName, match="end at the '!'"):
        backend.require_valid_channel_name("a!b", receive=True)


@pytest.mark.parametrize("names", [[], None, ("a",)], ids=repr)
def test_a_list_of_names_has_one(backend: Any, names: object) -> None:
    """No names, or no list, is a mistake."""
    with pytest.raises(TypeError):
        backend.valid_channel_names(names)


def test_old_names_of_checks_warn(backend: Backend) -> None:
    """As they do in Channels."""
    with pytest.warns(DeprecationWarning, match="require_valid_channel_name"):
        assert backend.valid_channel_name("a")
    with pytest.warns(DeprecationWarning, match="require_valid_group_name"):
        assert backend.valid_group_name("a")


def test_the_non_local_part_ends_at_the_mark(backend: Backend) -> None:
    """Other names have no local part."""
    assert [backend.non_local_name(name) for name in ("a!b", "a!", "a.b")] == ["a!", "a!", "a.b"]
