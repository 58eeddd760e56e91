"""What happens while the demo runs. Threads and signals only report; the main thread alone acts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Answered", "ChildEnded", "Event", "PeerChanged", "StopAsked"]


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """A child is gone; *code* is as :attr:`subprocess.Popen.returncode`."""

    name: str
    code: int


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """The mesh saw a peer change; *took_s* is the time from first contact to ready."""

    role: str
    peer: str
    state: str
    took_s: float | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A URL was asked; *problem* is None if a worker answered."""

    url: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Ctrl-C, or another signal that asks us to end."""

    signal_number: int


Event = Answered | ChildEnded | PeerChanged | StopAsked
