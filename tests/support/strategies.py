"""Hypothesis strategies for the words of the protocol: ids, names, letters, messages."""

from __future__ import annotations

import string
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st

from zmqlayer.names import NodeId
from zmqlayer.queues import Letter

NAME_LETTERS: Final = string.ascii_letters + string.digits + "-_."

quick: Final = settings(max_examples=60, deadline=None)
"""For properties: the machine's noise is no failure."""

steps: Final = settings(max_examples=40, stateful_step_count=40, deadline=None)
"""For state machines."""

node_ids: Final = st.binary(min_size=16, max_size=16).map(NodeId)
topics: Final = st.binary(min_size=17, max_size=17)
names: Final = st.text(NAME_LETTERS, min_size=1, max_size=30)
marked_names: Final = st.builds(lambda name, mark, local: name + mark + local, names, st.sampled_from("?!"), names)
channels: Final = names | marked_names
links: Final = st.integers(0, 2**32 - 1)

texts: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=20)
)
values: Final = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
"""What a message may hold."""

messages: Final = st.dictionaries(texts, values, max_size=5)


def node(number: int) -> NodeId:
    """Return an id that is easy to tell from others."""
    return NodeId(bytes([number]) * 16)


def letter(channel: str = "a", deadline: float = 60.0, body: bytes = b"", *, is_copy: bool = False) -> Letter:
    """Return a message of node 1."""
    return Letter(channel, body, deadline, node(1), is_copy)
