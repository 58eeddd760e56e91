"""
HELLO: what two nodes tell each other before anything else. Pure; what parses is valid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, Self

from zmqlayer.exceptions import ProtocolError
from zmqlayer.frames import PROTOCOL_MAJOR, PROTOCOL_MINOR
from zmqlayer.gossip import Named, read_named
from zmqlayer.names import NODE_ID_BYTES, NodeId

__all__ = ["MAX_HOSTS", "Greeting", "address_of", "host_of", "is_numeric", "port_of"]

MAX_HOSTS: Final = 16

_NUMERIC: Final = re.compile(r"tcp://(?:[0-9.]+|\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]):\d{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """
    The payload of a HELLO frame. Keys it does not know are ignored, so that minor versions can add some.

    Attributes:
        cluster: Tag of the sender's door that this link uses; one that we do not share means a foreign node.
        role: What the node is for, for people: ``"interface"``, ``"worker"``, ``"script"``.
        link: Number of the sender's side of the link; another than before means the link starts anew.
        hosts: Hosts on which the sender listens.
        pull: Port of the PULL of that door.
        pub: Port of its XPUB.
        dialled: The address that was dialled to bring the two together, as the one who dialled wrote it.
        is_answer: This answers a HELLO, and needs none itself.
        patience_ms: Milliseconds that the sender gives the handshake; 0 if it does not say.
        via: The address that an answer went to, if the sender tries several and wants to know which works.
        to: Whom an answer is for; whoever else it reaches ignores it.
        peers: Other nodes that the sender is linked to, as (node id, address, tag of the door): gossip, at most 64.
    """

    cluster: str
    role: str
    link: int
    hosts: tuple[str, ...]
    pull: int
    pub: int
    dialled: str
    is_answer: bool
    patience_ms: int = 0
    via: str = ""
    to: NodeId | None = None
    peers: tuple[Named, ...] = ()
    major: int = PROTOCOL_MAJOR
    minor: int = PROTOCOL_MINOR

    def to_payload(self) -> dict[str, Any]:
        """Return the greeting as a control payload."""
        return {
            "version": [self.major, self.minor],
            "cluster": self.cluster,
            "role": self.role,
            "link": self.link,
            "hosts": list(self.hosts),
            "pull": self.pull,
            "pub": self.pub,
            "dialled": self.dialled,
            "answer": self.is_answer,
            "patience_ms": self.patience_ms,
            "via": self.via,
            "to": self.to,
            "peers": [list(peer) for peer in self.peers],
        }

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        """
        Read a greeting.

        Raises:
            ProtocolError: A key is missing or has a value of the wrong kind.
        """
        major, minor = _take(payload, "version", 2)
        return cls(
            major=_check(major, int, "version"),
            minor=_check(minor, int, "version"),
            cluster=_check(payload.get("cluster"), str, "cluster"),
            role=_check(payload.get("role"), str, "role")[:32],
            link=_check_number(payload, "link", 0),
            hosts=tuple(_check(host, str, "hosts") for host in _take(payload, "hosts", MAX_HOSTS)),
            pull=_check_number(payload, "pull", 1, 65535),
            pub=_check_number(payload, "pub", 1, 65535),
            dialled=_check(payload.get("dialled"), str, "dialled"),
            is_answer=_check(payload.get("answer"), bool, "answer"),
            via=_check(payload.get("via", ""), str, "via"),
            to=_read_to(payload.get("to")),
            patience_ms=_check_number({"patience_ms": 0} | payload, "patience_ms", 0),
            peers=read_named(_check(payload.get("peers"), list, "peers"), "HELLO"),
        )


def address_of(host: str, port: int) -> str:
    """Return ``tcp://host:port``, with brackets around an IPv6 address."""
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def host_of(address: str) -> str:
    """Return the host of ``tcp://host:port``."""
    return address.removeprefix("tcp://").rpartition(":")[0].strip("[]")


def port_of(address: str) -> str:
    """Return the port of ``tcp://host:port``, as text."""
    return address.rpartition(":")[2]


def is_numeric(address: str) -> bool:
    """Whether *address* can be dialled without a resolver: it is an IP address and a port, and nothing else."""
    if _NUMERIC.fullmatch(address) is None:
        return False
    try:
        ip_address(host_of(address))
    except ValueError:
        return False
    return True


def _take(payload: dict[str, Any], key: str, most: int) -> list[Any]:
    value: list[Any] = _check(payload.get(key), list, key)
    if len(value) > most or (key in ("version", "hosts") and not value):
        raise ProtocolError(f"HELLO has {len(value)} entries in {key!r}")
    if key == "version" and len(value) != most:
        raise ProtocolError("HELLO has a version that is not [major, minor]")
    return value


def _check(value: Any, kind: type, key: str) -> Any:
    if type(value) is not kind:
        raise ProtocolError(f"HELLO has a {type(value).__name__} as {key!r}")
    return value


def _check_number(payload: dict[str, Any], key: str, least: int, most: int = 2**32 - 1) -> int:
    number: int = _check(payload.get(key), int, key)
    if not least <= number <= most:
        raise ProtocolError(f"HELLO has {number} as {key!r}")
    return number


def _read_to(value: Any) -> NodeId | None:
    if value is not None and len(_check(value, bytes, "to")) != NODE_ID_BYTES:
        raise ProtocolError("HELLO has no node id as 'to'")
    return None if value is None else NodeId(value)
