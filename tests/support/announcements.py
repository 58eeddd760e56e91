"""Announcements for discovery tests: each of a cluster that no other test run shares."""

from __future__ import annotations

import os

from hypothesis import strategies as st

from zmqlayer.names import NodeId
from zmqlayer.ports import Announcement, Door


def new_cluster() -> str:
    """Return a random cluster tag, so that test runs on one machine do not meet."""
    return os.urandom(4).hex()


def announce(
    cluster_tag: str, *, addresses: tuple[str, ...] = ("127.0.0.1",), port: int = 5000, node_id: bytes | None = None
) -> Announcement:
    return Announcement(NodeId(node_id or os.urandom(16)), addresses, (Door(cluster_tag, port, port + 1),))


announcements = st.builds(
    Announcement,
    node_id=st.binary(min_size=16, max_size=16).map(NodeId),
    addresses=st.just(("127.0.0.1",)),
    doors=st.lists(
        st.builds(Door, st.binary(min_size=4, max_size=4).map(bytes.hex), st.integers(1, 65535), st.integers(1, 65535)),
        min_size=1,
        max_size=3,
    ).map(tuple),
)
