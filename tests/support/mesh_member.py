"""A node in a process of its own, on this machine or on one of a test's network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from support.cluster import Member
from support.namespaces import Host

__all__ = ["MeshMember"]

PROGRAM: Final = Path(__file__).parent / "mesh_node.py"


class MeshMember(Member):
    """
    A process with one layer that does nothing but be there.

    Args:
        on: The machine it runs on, if not on this one.
        settings: Those of the layer; what JSON can say.
    """

    def __init__(self, *, on: Host | None = None, **settings: Any) -> None:
        self.settings = settings
        super().__init__(str(PROGRAM), json.dumps(settings), on=on)

    @property
    def node(self) -> str:
        """Its node id as text; waits until it runs."""
        return self.wait_for_line(r"(?m)^node (\S+) at ")[1]

    @property
    def address(self) -> str:
        """Where it can be dialled; waits until it runs."""
        return self.wait_for_line(r"(?m)^node \S+ at (\S+)$")[1]

    def wait_for_peer(self, other: MeshMember, state: str = "ready", within_s: float = 20.0) -> float:
        """Wait until it says that *other* is in *state*; returns how many seconds after its start that was."""
        line = rf"(?m)^([0-9.]+) s: {re.escape(other.node)} {state}$"
        return float(self.wait_for_line(line, within_s)[1])

    def changes(self, other: MeshMember) -> list[str]:
        """Return the states through which *other* went so far, as it said."""
        return re.findall(rf"(?m)^[0-9.]+ s: {re.escape(other.node)} (\w+)$", self.output)
