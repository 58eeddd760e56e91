"""
What a client does on an HTTP/2 connection that costs it little and us much, held to a measure. Pure; time is passed in.

Each rule of the protocol may be kept and the server be brought down all the same: by streams that are opened and reset
(CVE-2023-44487), also by making us reset them (CVE-2025-8671), by pings, settings and priorities (CVE-2019-9512, -9513,
-9515), by windows that open for a byte at a time (CVE-2019-9511, -9517), and by empty frames (CVE-2019-9518). Two
allowances bound all of them: one for streams that came to nothing, one for frames that carry nothing.
"""

from __future__ import annotations

from typing import Final

from h2.errors import ErrorCodes

from zmqlayer.interface.clients.allowance import Allowance
from zmqlayer.interface.clients.http2_frames import BadFrames, Frame, Kind

__all__ = ["Conduct"]

RESETS: Final = 100
"""Streams in vain at once; a page that is left cancels what it was loading. Answered ones earn it back."""
RESETS_PER_S: Final = 10.0
IDLE_FRAMES: Final = 1_000
"""Frames without use at once. Content that flows earns them back: windows have to be opened for it."""
IDLE_FRAMES_PER_S: Final = 50.0
EARNED_BY_CONTENT: Final = 4.0
"""For each of our DATA frames; a client may open two windows for it, and measure the delay."""
SETTING_SIZE: Final = 6
MAX_SETTINGS: Final = 64
"""In one frame. About ten have a meaning."""
USEFUL: Final = frozenset({Kind.HEADERS, Kind.CONTINUATION, Kind.RST_STREAM, Kind.GOAWAY})
"""Bounded elsewhere: by the streams, by the size of a head, by :meth:`Conduct.count_reset`, by being one."""


class Conduct:
    """What one client may still do on its connection."""

    def __init__(self, now: float) -> None:
        self._resets = Allowance(RESETS, RESETS_PER_S, now)
        self._idle_frames = Allowance(IDLE_FRAMES, IDLE_FRAMES_PER_S, now)

    def __repr__(self) -> str:
        return f"<Conduct [resets: {self._resets!r}, frames: {self._idle_frames!r}]>"

    def weigh(self, frame: Frame, now: float) -> None:
        """
        Count a frame.

        Raises:
            BadFrames: One too many.
        """
        if frame.kind == Kind.SETTINGS and frame.size > MAX_SETTINGS * SETTING_SIZE:
            raise BadFrames(ErrorCodes.ENHANCE_YOUR_CALM, "too many HTTP/2 settings")
        carries = frame.kind == Kind.DATA and (frame.size > 0 or frame.ends_stream)
        if not carries and frame.kind not in USEFUL:
            self.count_idle(now)

    def count_idle(self, now: float) -> None:
        """
        Count a frame that turned out to be of no use.

        Raises:
            BadFrames: One too many.
        """
        if not self._idle_frames.spend(now):
            raise BadFrames(ErrorCodes.ENHANCE_YOUR_CALM, "HTTP/2 frames without use")

    def count_reset(self, now: float) -> None:
        """
        Count a stream that the client gave up, or made us reset.

        Raises:
            BadFrames: One too many.
        """
        if not self._resets.spend(now):
            raise BadFrames(ErrorCodes.ENHANCE_YOUR_CALM, "HTTP/2 streams reset")

    def count_answer(self) -> None:
        """A stream ended as it should."""
        self._resets.earn()
        self._idle_frames.earn()

    def count_content(self) -> None:
        """A DATA frame was sent, as large as we wished."""
        self._idle_frames.earn(EARNED_BY_CONTENT)
