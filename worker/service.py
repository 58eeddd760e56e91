"""
``Service``: the work of one process, from its first thread to the last message, in words for its operator.

Management commands make one, on whichever thread they run; what they read and where is decided in ``plan``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from zmqlayer.names import short
from zmqlayer.worker.found import describe_peers
from zmqlayer.worker.processes import Lifeline
from zmqlayer.worker.signals import worker_process_ready, worker_ready
from zmqlayer.worker.threads import WorkerGroup

__all__ = ["LOOK_AROUND_S", "Service"]

LOOK_AROUND_S: Final = 1.0
"""How long after the start the peers are reported."""


class Service:
    """
    Runs the threads of a worker until it is told to stop.

    Args:
        say: Takes sentences for the operator.
        lifeline: To the parent of this process, if it has one.
    """

    def __init__(self, group: WorkerGroup, say: Callable[[str], object], lifeline: Lifeline | None = None) -> None:
        self.group = group
        self._layer = group.worker.channel_layer
        self._say = say
        self._lifeline = lifeline

    def __repr__(self) -> str:
        return f"<Service of {self.group!r}>"

    def run(self) -> None:
        """
        Join the mesh and work until a stop is requested; then let consumers finish. The layer is left open.

        Raises:
            TransportError: The layer's address or port cannot be used.
        """
        self._layer.start()
        worker_process_ready.send_robust(sender=type(self), worker=self.group.worker)
        self.group.start()
        worker_ready.send_robust(sender=WorkerGroup, worker=self.group.worker)
        self._tell(self._describe_work())
        if self._lifeline is not None:
            self._lifeline.tell_ready()
        if not self.group.wait(LOOK_AROUND_S):
            self._tell(describe_peers(self._layer.peers()))
            self.group.wait()
        self.group.stop()

    def request_stop(self) -> None:
        """Let :meth:`run` end. For signal handlers, and for other threads."""
        self.group.request_stop()

    def _describe_work(self) -> str:
        threads = "1 thread" if self.group.n_threads == 1 else f"{self.group.n_threads} threads"
        cluster = self._layer.node.config.cluster
        place = f", as process {self._lifeline.place} of {self._lifeline.n_places}" if self._lifeline else ""
        return f"reads {', '.join(self.group.worker.channels)} with {threads} in cluster {cluster!r}{place}"

    def _tell(self, sentence: str) -> None:
        self._say(f"worker {short(self._layer.node_id)} {sentence}")
