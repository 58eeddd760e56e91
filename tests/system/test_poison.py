"""Someone on the network lies in mDNS: it costs little, and no link."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.announcements import announce
from support.mesh_member import MeshMember
from support.poison import Poisoner
from zmqlayer.config import Config
from zmqlayer.names import decode_node_id

pytestmark = pytest.mark.system

INVENTED = 2_000
MOST_GROWTH_MB = 20


@pytest.fixture
def poisoner() -> Iterator[Poisoner]:
    """Someone on loopback who lies."""
    poisoner = Poisoner()
    yield poisoner
    poisoner.close()


@pytest.fixture
def members() -> Iterator[list[MeshMember]]:
    """Two nodes of a cluster that are linked, and place for more; all are ended."""
    cluster = f"poison-{secrets.token_hex(4)}"
    members = [MeshMember(cluster=cluster) for _ in range(2)]
    try:
        members[0].wait_for_peer(members[1])
        members[1].wait_for_peer(members[0])
        yield members
    finally:
        for member in members:
            member.close()


def resident_mb(member: MeshMember) -> float:
    status = Path(f"/proc/{member.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def cluster_of(member: MeshMember) -> str:
    return str(member.settings["cluster"])


def tag_of(member: MeshMember) -> str:
    return Config.from_settings({"cluster": cluster_of(member)}).cluster_tag


def test_invented_nodes_do_no_harm(members: list[MeshMember], poisoner: Poisoner) -> None:
    """Two thousand nodes that do not exist take no link, little memory, and do not keep a newcomer out."""
    one, two = members
    before_mb = resident_mb(one)

    poisoner.invent(tag_of(one), INVENTED)
    poisoner.invent(tag_of(one), 20, txt_bytes=8_000)

    members.append(MeshMember(cluster=cluster_of(one)))
    joined_after_s = max(members[2].wait_for_peer(other) for other in (one, two))
    assert joined_after_s < 5.0
    assert "more than 512 addresses" in one.output
    assert resident_mb(one) - before_mb < MOST_GROWTH_MB
    assert (one.changes(two), two.changes(one)) == (["ready"], ["ready"])


def test_forged_goodbyes_end_no_link(members: list[MeshMember], poisoner: Poisoner) -> None:
    """Whoever takes back the records of nodes that are linked changes nothing for them."""
    one, two = members

    for member in members:
        for _ in range(3):
            poisoner.say_goodbye_for(announce(tag_of(member), node_id=decode_node_id(member.node)))

    members.append(MeshMember(cluster=cluster_of(one)))  # by the time it is linked, the goodbyes were read
    for other in (one, two):
        members[2].wait_for_peer(other)
        other.wait_for_peer(members[2])
    assert (one.changes(two), two.changes(one)) == (["ready"], ["ready"])
