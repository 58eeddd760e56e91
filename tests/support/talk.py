"""WebSockets that stay open and talk all the time: each says a number, hears it back, and says the next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Final, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

__all__ = ["Talk"]

HEAR_WITHIN_S: Final = 3.0
OPEN_WITHIN_S: Final = 10.0


class Talk:
    """
    *number* WebSockets to *urls*, in turn, from the beginning of the block to its end.

    Attributes:
        heard: How many numbers came back.
        lost: How many did not come back within ``HEAR_WITHIN_S``.
        out_of_turn: Whatever came back that was not the last number said, nor one taken for lost.
        closed: The codes of those that were closed by the server or by accident.
    """

    def __init__(self, urls: Sequence[str], number: int) -> None:
        self._urls = [urls[each % len(urls)] for each in range(number)]
        self.heard = 0
        self.lost = 0
        self.out_of_turn: list[str] = []
        self.closed: list[int] = []
        self._n_open = 0
        self._is_over = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._talk()), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait(lambda: self._n_open == len(self._urls), OPEN_WITHIN_S, "all are open")
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()

    def end(self) -> None:
        """Say no more, and close all. May be called twice."""
        self._is_over = True
        self._thread.join(2 * HEAR_WITHIN_S + OPEN_WITHIN_S)
        assert not self._thread.is_alive()

    def wait_for_rounds(self, number: int, within_s: float) -> None:
        """Return when that many more numbers have come back for each socket; fail if that takes longer."""
        enough = self.heard + number * len(self._urls)
        self._wait(lambda: self.heard >= enough, within_s, f"{number} more rounds")

    def wait_for_closed(self, within_s: float) -> None:
        """Return when the server has closed all of them; fail if that takes longer."""
        self._wait(lambda: len(self.closed) == len(self._urls), within_s, "all are closed")

    def _wait(self, is_so: Callable[[], bool], within_s: float, what: str) -> None:
        with self._changed:
            if not self._changed.wait_for(is_so, within_s):
                raise AssertionError(f"not within {within_s:g} s: {what}; {self.heard} heard, closed: {self.closed}")

    async def _talk(self) -> None:
        await asyncio.gather(*(self._one(url) for url in self._urls))

    async def _one(self, url: str) -> None:
        async with connect(url, open_timeout=OPEN_WITHIN_S) as socket:
            self._note(n_open=1)
            number = 0
            try:
                while not self._is_over:
                    number += 1
                    await self._round(socket, number)
            except ConnectionClosed as exc:
                with self._changed:
                    self.closed.append(exc.rcvd.code if exc.rcvd else 1006)
                    self._changed.notify_all()

    async def _round(self, socket: ClientConnection, number: int) -> None:
        await socket.send(str(number))
        try:
            async with asyncio.timeout(HEAR_WITHIN_S):
                while (heard := await socket.recv()) != str(number):
                    self.out_of_turn.append(str(heard))
        except TimeoutError:
            self._note(lost=1)
        else:
            self._note(heard=1)

    def _note(self, heard: int = 0, lost: int = 0, n_open: int = 0) -> None:
        with self._changed:
            self.heard += heard
            self.lost += lost
            self._n_open += n_open
            self._changed.notify_all()
