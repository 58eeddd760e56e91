"""The sentences that the demo prints. Pure: events in, text out."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from demo.events import PeerChanged

__all__ = ["describe_change", "describe_end", "quote", "ready"]

ROLES = {"interface": "server"}
"""What a role is called where it is not simply its name."""


def describe_change(change: PeerChanged) -> str:
    """
    Return the status line for a peer.

    >>> describe_change(PeerChanged("worker", "7f3a", "ready", 0.04))
    'worker 7f3a joined, 40 ms'
    """
    who = f"{ROLES.get(change.role, change.role)} {change.peer}"
    if change.state == "ready":
        took = f", {change.took_s * 1000:.0f} ms" if change.took_s is not None else ""
        return f"{who} joined{took}"
    return {"silent": f"{who} does not answer", "gone": f"{who} left"}.get(change.state, f"{who} is {change.state}")


def describe_end(name: str, code: int) -> str:
    """Return how a child ended."""
    if code >= 0:
        return f"{name} ended with exit code {code}"
    try:
        return f"{name} was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"{name} was ended by signal {-code}"


def quote(name: str, lines: Sequence[str]) -> str:
    """Return a child's last lines, indented under a heading."""
    if not lines:
        return f"  {name} wrote nothing."
    return "\n".join([f"  The last lines of {name}:", *(f"    {line}" for line in lines)])


def ready(urls: Sequence[str], processes: Sequence[tuple[str, int | None]]) -> str:
    """Return the text that says where to look, printed once all answer."""
    last_name, last_pid = processes[-1]
    return "\n".join(
        [
            "",
            "Ready. Open the chat through each server, side by side:",
            *(f"  {url}" for url in urls),
            "Ask who answers:",
            f"  curl {urls[0]}api/whoami",
            f"See it survive ({last_name} dies, another takes over, the browsers stay connected):",
            f"  kill -9 {last_pid}",
            "",
            f"Processes: {', '.join(f'{name} = {pid}' for name, pid in processes)}",
            "Ctrl-C stops them all.",
            "",
        ]
    )
