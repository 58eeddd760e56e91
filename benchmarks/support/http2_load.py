"""HTTP/2 load over one TLS connection. Arguments: port and seconds; prints one line of JSON, as ``wrk.lua`` does."""

from __future__ import annotations

import json
import socket
import ssl
import statistics
import sys
import time

from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

AT_A_TIME = 32
HEAD = [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "localhost")]


class Load:
    """Requests on 32 streams at a time, over one connection."""

    def __init__(self, port: int) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self._socket = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10.0))
        self._h2 = H2Connection()
        self._h2.initiate_connection()
        self._begun: dict[int, float] = {}
        self.took_us: list[float] = []
        self.failed = 0

    def run(self, seconds: float) -> None:
        """Ask until the time is over, and wait for the answers."""
        end = time.perf_counter() + seconds
        for _ in range(AT_A_TIME):
            self._ask()
        while self._begun:
            self._socket.sendall(self._h2.data_to_send())
            for event in self._h2.receive_data(self._socket.recv(65_536)):
                if isinstance(event, ResponseReceived):
                    self.failed += dict(event.headers)[b":status"] != b"200"
                elif isinstance(event, DataReceived):
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded | StreamReset):
                    self.failed += isinstance(event, StreamReset)
                    self.took_us.append((time.perf_counter() - self._begun.pop(event.stream_id)) * 1e6)
                    if time.perf_counter() < end:
                        self._ask()

    def _ask(self) -> None:
        stream = self._h2.get_next_available_stream_id()
        self._begun[stream] = time.perf_counter()
        self._h2.send_headers(stream, HEAD, end_stream=True)


def main() -> None:
    """Load, and tell."""
    load, begun = Load(int(sys.argv[1])), time.perf_counter()
    load.run(float(sys.argv[2]))
    seconds, cuts = time.perf_counter() - begun, statistics.quantiles(load.took_us, n=100)
    requests = {"requests": len(load.took_us), "seconds": seconds, "failed": load.failed}
    sys.stdout.write(json.dumps({**requests, "p50_us": cuts[49], "p99_us": cuts[98]}) + "\n")


if __name__ == "__main__":
    main()
