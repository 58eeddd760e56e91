"""The launcher's own node in the mesh: it sends nothing and reports who comes and goes."""

from __future__ import annotations

from collections.abc import Callable

from demo.events import PeerChanged
from zmqlayer import SyncChannelLayer
from zmqlayer import events as mesh
from zmqlayer.names import short

__all__ = ["watch"]


def watch(cluster: str, report: Callable[[PeerChanged], None]) -> SyncChannelLayer:
    """
    Join *cluster* on this machine as an observer.

    Args:
        report: Called from a background thread with each change of a peer.

    Returns:
        The running layer; the caller closes it.

    Raises:
        ZmqLayerError: The name is none for a cluster, or the machine refuses a socket.
    """

    def tell(change: mesh.PeerChanged) -> None:
        report(PeerChanged(change.peer.role, short(change.peer.node_id), change.state.value, change.took_s))

    layer = SyncChannelLayer(cluster=cluster, discovery="localhost")
    layer.role = "observer"
    layer.on_peer(tell)
    layer.start()
    return layer
