"""Someone on the network who announces nodes that do not exist, and takes back the records of those that do."""

from __future__ import annotations

import os
import socket
import time
from typing import Final

from zeroconf import DNSAddress, DNSOutgoing, DNSPointer, DNSService, DNSText
from zeroconf.const import (
    _CLASS_IN,
    _CLASS_UNIQUE,
    _FLAGS_AA,
    _FLAGS_QR_RESPONSE,
    _TYPE_A,
    _TYPE_PTR,
    _TYPE_SRV,
    _TYPE_TXT,
)

from support.announcements import announce
from zmqlayer.discovery.records import SERVICE_TYPE, encode_txt, service_name
from zmqlayer.ports import Announcement

__all__ = ["Poisoner"]

GROUP: Final = ("224.0.0.251", 5353)
TTL_S: Final = 4500
UNIQUE: Final = _CLASS_IN | _CLASS_UNIQUE
PAUSE_S: Final = 0.001


class Poisoner:
    """
    Writes whatever it likes into mDNS on one interface.

    Args:
        interface: The interface's IPv4 address.
    """

    def __init__(self, interface: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        self._socket.bind((interface, GROUP[1]))  # answers from another port are ignored

    def close(self) -> None:
        """Fall silent."""
        self._socket.close()

    def invent(self, cluster_tag: str, count: int, *, txt_bytes: int = 0) -> list[Announcement]:
        """
        Announce nodes of a cluster that do not exist, each at another port of this machine.

        Args:
            txt_bytes: What their TXT records hold besides the usual.
        """
        invented = []
        for number in range(count):
            node = announce(cluster_tag, port=1 + number % 1000)
            invented.append(node)
            self._announce(node, "127.0.0.1", txt_bytes)
        return invented

    def say_goodbye_for(self, node: Announcement) -> None:
        """Take back the records of a node, whoever it belongs to."""
        name = service_name(node.node_id, node.doors[0])
        self._send(DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 0, name))

    def _announce(self, node: Announcement, host: str, txt_bytes: int) -> None:
        name = service_name(node.node_id, node.doors[0])
        server = f"{os.urandom(4).hex()}.local."
        txt = b"".join(
            bytes([len(key) + 1 + len(value)]) + key + b"=" + value
            for key, value in encode_txt(node.node_id, node.doors[0]).items()
        )
        filler = b"".join(b"\xfe" + os.urandom(254) for _ in range(txt_bytes // 255))
        self._send(
            DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, TTL_S, name),
            DNSService(name, _TYPE_SRV, UNIQUE, TTL_S, 0, 0, node.doors[0].pull, server),
            DNSText(name, _TYPE_TXT, UNIQUE, TTL_S, txt + filler),
            DNSAddress(server, _TYPE_A, UNIQUE, TTL_S, socket.inet_aton(host)),
        )

    def _send(self, *records: DNSPointer | DNSService | DNSText | DNSAddress) -> None:
        out = DNSOutgoing(_FLAGS_QR_RESPONSE | _FLAGS_AA)
        for record in records:
            out.add_answer_at_time(record, 0)
        for packet in out.packets():
            self._socket.sendto(packet, GROUP)
        time.sleep(PAUSE_S)  # or the receivers' buffers drop most of it
