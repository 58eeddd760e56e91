"""
A program that is one node and does what it is told: a call as a line of JSON in, its result as a line of JSON out.

``node_process.py`` starts it. What its readers take they write down at once, so that a test knows it although the
process is killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import group_rounds  # beside this program: the first place where Python looks

from zmqlayer import ChannelFull, LayerClosed, SyncChannelLayer

LOOK_EVERY_S = 0.2
WHEN_FULL_S = 0.001


class Log:
    """A file that holds a line for each message as soon as it is taken: channel, sender, number and when."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, channel: str, message: Any) -> None:
        """Write one message down; it stays written when the process is killed."""
        os.write(self._file, f"{channel} {message['s']} {message['n']} {time.monotonic()}\n".encode())


class Flow:
    """Numbered messages for channels in turn, at some pace, until told to end."""

    def __init__(self, layer: SyncChannelLayer, channels: list[str], sender: str, every_s: float, size: int) -> None:
        self.accepted = dict.fromkeys(channels, 0)
        self.refused = 0
        self._layer = layer
        self._sender = sender
        self._every_s = every_s
        self._filling = bytes(size)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Send no more."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(self._every_s):
            for channel, number in self.accepted.items():
                try:
                    self._layer.send(channel, {"s": self._sender, "n": number, "x": self._filling})
                except ChannelFull:
                    self.refused += 1
                else:
                    self.accepted[channel] += 1


class Agent:
    """What can be asked of the node; each method is one call."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._layer = SyncChannelLayer(**settings)
        self._is_reading = threading.Event()
        self._readers: list[threading.Thread] = []
        self._flow: Flow | None = None
        self._numbers: Counter[str] = Counter()

    # The node

    def address(self) -> str:
        """Where others can dial it."""
        return self._layer.address

    def ready(self, peers: int, wait_s: float) -> int:
        """Wait for so many peers."""
        return self._layer.ready(peers, wait_s)

    def peers(self) -> dict[str, str]:
        """The state of each peer, by its id."""
        return {peer.node_id.hex(): peer.state for peer in self._layer.peers()}

    def node_id(self) -> str:
        """Its id."""
        return self._layer.node_id.hex()

    def statistics(self) -> dict[str, int]:
        """Its books."""
        return self._layer.statistics()

    def in_flight(self) -> int:
        """How many messages it holds."""
        return self._layer.node.ask(lambda mesh, now: mesh.in_flight)

    def memory(self) -> int:
        """Bytes that are resident."""
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    def ports(self) -> list[int]:
        """Every TCP port on which the process listens."""
        own = {str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()}
        rows = [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]
        listening = [row for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own]
        return sorted(int(row[1].partition(":")[2], 16) for row in listening)

    def new_channel(self, pattern: str) -> str:
        """Name a channel."""
        return self._layer.new_channel(pattern)

    def group_add(self, group: str, channel: str) -> None:
        """Add a member."""
        self._layer.group_add(group, channel)

    def close(self) -> None:
        """Leave in order."""
        self.stop_readers()
        self._layer.close()

    # Sending

    def fill(self, channel: str, attempts: int, size: int = 0, sender: str = "s") -> dict[str, Any]:
        """Send so often at full speed; numbers go on. Returns how many were taken, and the longest a call took."""
        number = self._numbers[channel]
        accepted, longest, reason, filling = 0, 0.0, "", bytes(size)
        for _ in range(attempts):
            before = time.perf_counter()
            try:
                self._layer.send(channel, {"s": sender, "n": number + accepted, "x": filling})
                accepted += 1
            except ChannelFull as full:
                reason = full.reason
            longest = max(longest, time.perf_counter() - before)
        self._numbers[channel] += accepted
        return {"accepted": accepted, "refused": attempts - accepted, "reason": reason, "longest_s": longest}

    def interleave(self, channel: str, group: str, rounds: int) -> None:
        """Send a number, the next one to the group, and one more, and so on; try again when the channel is full."""
        for number in range(0, 3 * rounds, 3):
            self._insist(channel, {"n": number})
            self._layer.send_group(group, {"n": number + 1})
            self._insist(channel, {"n": number + 2})

    def say(self, group: str, sender: str) -> None:
        """Send one message to a group."""
        self._layer.send_group(group, {"s": sender, "n": 0})

    def start_flow(self, channels: list[str], sender: str, every_s: float, size: int = 0) -> None:
        """Begin to send numbered messages to each of *channels* in turn."""
        self._flow = Flow(self._layer, channels, sender, every_s, size)

    def stop_flow(self) -> dict[str, int]:
        """End it. Returns how many messages each channel accepted."""
        assert self._flow is not None
        self._flow.end()
        return self._flow.accepted

    # Groups

    def answer_asks(self) -> str:
        """Send to the groups that others name on the channel returned."""
        return group_rounds.answer_asks(self._layer)

    def play_rounds(self, rounds: int, others: list[str]) -> dict[str, Any]:
        """Add members, and let others send to them."""
        return group_rounds.play_rounds(self._layer, rounds, others)

    def publish(self, group: str, count: int, per_s: float, size: int) -> float:
        """Send to a group at a steady pace."""
        return group_rounds.publish(self._layer, group, count, per_s, size)

    # Receiving

    def take(self, channel: str, count: int, wait_s: float) -> list[int]:
        """Take *count* messages and return their numbers; fewer if none comes for a while."""
        numbers: list[int] = []
        while len(numbers) < count:
            _, message = self._layer.receive([channel], block=True, timeout=wait_s)
            if message is None:
                break
            numbers.append(message["n"])
        return numbers

    def count_order(self, channel: str, count: int, wait_s: float) -> dict[str, int]:
        """Take *count* messages: how many came, and how many bore a number that was not above all before it."""
        seen = Counter(received=0, inversions=0)
        last = -1
        while seen["received"] < count:
            _, message = self._layer.receive([channel], block=True, timeout=wait_s)
            if message is None:
                break
            seen["received"] += 1
            seen["inversions"] += message["n"] <= last
            last = max(last, message["n"])
        return seen

    def start_readers(self, channels: list[str], log: str, threads: int = 1, pause_s: float = 0.0) -> None:
        """Begin to take what comes and write it down; each thread rests *pause_s* after each message."""
        self._is_reading.set()
        book = Log(log)
        for _ in range(threads):
            reader = threading.Thread(target=self._read, args=(channels, book, pause_s), daemon=True)
            self._readers.append(reader)
            reader.start()

    def stop_readers(self) -> None:
        """Take no more, and return when the last reader is through."""
        self._is_reading.clear()
        self._layer.interrupt()
        for reader in self._readers:
            reader.join()
        self._readers.clear()

    def _read(self, channels: list[str], book: Log, pause_s: float) -> None:
        try:
            while self._is_reading.is_set():
                channel, message = self._layer.receive(channels, block=True, timeout=LOOK_EVERY_S)
                if channel is not None:
                    book.note(channel, message)
                    time.sleep(pause_s)
        except LayerClosed:
            return

    def _insist(self, channel: str, message: dict[str, Any]) -> None:
        while True:
            try:
                return self._layer.send(channel, message)
            except ChannelFull:
                time.sleep(WHEN_FULL_S)


def main() -> None:
    """Answer calls until the input ends, or SIGTERM comes: then leave in order, as a program that exits does."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    agent = Agent(json.loads(sys.argv[1]))
    try:
        answer_calls(agent)
    finally:
        agent.close()


def answer_calls(agent: Agent) -> None:
    """Do what the input says, line by line."""
    for line in sys.stdin:
        name, arguments = json.loads(line)
        try:
            answer = {"value": getattr(agent, name)(**arguments)}
        except Exception as exc:  # noqa: BLE001  whatever a call raises is its result
            answer = {"error": f"{type(exc).__name__}: {exc}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
