"""
What a node writes into mDNS and reads from it. Pure: text and mappings in, values out.

Each door of a node (``ports.py``), one for each of its secrets, is one instance of the service type
:data:`SERVICE_TYPE`. The instance is named
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
from zmqlayer.ports import Announcement, Door

__all__ = ["SERVICE_TYPE", "encode_txt", "is_peer", "read_node_id", "read_tag", "service_name"]

SERVICE_TYPE: Final = "_zmqlayer._tcp.local."

_VERSION: Final = b"1"
_NAME: Final = re.compile(rf"([0-9a-f]{{8}})-([0-9a-f]{{16}})\.{re.escape(SERVICE_TYPE)}", re.ASCII)
_NODE_ID: Final = re.compile(rb"[0-9a-f]{32}")


def service_name(node_id: NodeId, door: Door) -> str:
    """Return the full name of a door's instance, like ``0a1b2c3d-00112233445566aa._zmqlayer._tcp.local.``."""
    return f"{door.tag}-{node_id[:8].hex()}.{SERVICE_TYPE}"


def is_peer(name: str, announcement: Announcement) -> bool:
    """Whether *name* is an instance with a tag of the announced node, and not of that node itself."""
    match = _NAME.fullmatch(name.lower())
    if match is None or match[2] == announcement.node_id[:8].hex():
        return False
    return any(door.tag == match[1] for door in announcement.doors)


def read_tag(name: str) -> str:
    """Return the tag in the name of an instance; empty if it is none."""
    match = _NAME.fullmatch(name.lower())
    return match[1] if match is not None else ""


def encode_txt(node_id: NodeId, door: Door) -> dict[bytes, bytes]:
    """Return the keys and values of a door's TXT record: 50 bytes in all."""
    return {b"v": _VERSION, b"c": door.tag.encode("ascii"), b"n": node_id.hex().encode("ascii")}


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
