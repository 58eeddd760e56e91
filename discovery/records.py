"""
What a node writes into mDNS and reads from it. Pure: text and mappings in, values out.

A node is one instance of the service type :data:`SERVICE_TYPE`. The instance is named
``<cluster tag>-<first half of the node id>``, so that nodes of other clusters are told by their name and cost
no further question. Its TXT record holds ``v`` (how to read the rest), ``c`` (the tag) and ``n`` (the whole
node id); the port stands in SRV, the addresses in A and AAAA. A later version keeps ``c`` and ``n``, so that
nodes of different versions meet and the mesh can refuse with a sentence.

Anyone on the network can write such records. What does not fit is None, never an exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from zmqlayer.names import NodeId
from zmqlayer.ports import Announcement

__all__ = ["SERVICE_TYPE", "encode_txt", "is_peer", "read_node_id", "service_name"]

SERVICE_TYPE: Final = "_zmqlayer._tcp.local."

_VERSION: Final = b"1"
_NAME: Final = re.compile(rf"([0-9a-f]{{8}})-([0-9a-f]{{16}})\.{re.escape(SERVICE_TYPE)}", re.ASCII)
_NODE_ID: Final = re.compile(rb"[0-9a-f]{32}")


def service_name(announcement: Announcement) -> str:
    """Return the full name of a node's instance, like ``0a1b2c3d-00112233445566aa._zmqlayer._tcp.local.``."""
    return f"{announcement.cluster_tag}-{announcement.node_id[:8].hex()}.{SERVICE_TYPE}"


def is_peer(name: str, announcement: Announcement) -> bool:
    """Whether *name* is an instance of the announced node's cluster, and not that node itself."""
    match = _NAME.fullmatch(name.lower())
    return match is not None and match[1] == announcement.cluster_tag and match[2] != announcement.node_id[:8].hex()


def encode_txt(announcement: Announcement) -> dict[bytes, bytes]:
    """Return the keys and values of a node's TXT record: 50 bytes in all."""
    return {
        b"v": _VERSION,
        b"c": announcement.cluster_tag.encode("ascii"),
        b"n": announcement.node_id.hex().encode("ascii"),
    }


def read_node_id(name: str, txt: Mapping[bytes, bytes | None]) -> NodeId | None:
    """
    Return the id of the node that the instance *name* with the record *txt* speaks for.

    None where the record is incomplete or contradicts the name: a mistake, or someone who pretends.
    """
    match = _NAME.fullmatch(name.lower())
    if match is None or (txt.get(b"c") or b"") != match[1].encode("ascii"):
        return None
    spelled = txt.get(b"n") or b""
    if not _NODE_ID.fullmatch(spelled) or spelled[:16] != match[2].encode("ascii"):
        return None
    return NodeId(bytes.fromhex(spelled.decode("ascii")))
