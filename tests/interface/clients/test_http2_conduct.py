"""What clients do that costs them little."""

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import Frame, PriorityFrame

from support.http2_client import data, ping, reset, setting, window
from zmqlayer.interface.clients.http2_conduct import IDLE_FRAMES, IDLE_FRAMES_PER_S, RESETS, RESETS_PER_S, Conduct
from zmqlayer.interface.clients.http2_frames import PREFACE, BadFrames, FrameReader
from zmqlayer.interface.clients.http2_frames import Frame as OurFrame

UNKNOWN = b"\0\0\x04\xbe\0\0\0\0\1blah"


def ours(frame: Frame | bytes) -> OurFrame:
    """Return a frame as the server reads it."""
    reader = FrameReader(1_000)
    content = frame if isinstance(frame, bytes) else frame.serialize()
    reader.feed(PREFACE + setting().serialize() + content)
    return list(reader.frames())[-1]


@pytest.mark.parametrize(
    "frame", [ping(), ping(is_ack=True), setting(), PriorityFrame(1), window(1, 1), window(0, 1), data(1), UNKNOWN]
)
def test_frames_without_use(frame: Frame | bytes) -> None:
    """Frames that carry nothing are taken for a while, and then as many as time allows."""
    conduct, idle = Conduct(now=0.0), ours(frame)
    for _ in range(IDLE_FRAMES):
        conduct.weigh(idle, 0.0)
    conduct.weigh(idle, 1 / IDLE_FRAMES_PER_S)

    with pytest.raises(BadFrames) as caught:
        conduct.weigh(idle, 1 / IDLE_FRAMES_PER_S)

    assert (caught.value.code, caught.value.fault) == (ErrorCodes.ENHANCE_YOUR_CALM, "HTTP/2 frames without use")


@pytest.mark.parametrize("frame", [data(1, b"x"), data(1, ends=True), reset(1)])
def test_frames_of_use(frame: Frame) -> None:
    """Content, the end of a body, and what is counted elsewhere, never come too often."""
    conduct, useful = Conduct(now=0.0), ours(frame)

    for _ in range(2 * IDLE_FRAMES):
        conduct.weigh(useful, 0.0)


def test_windows_for_content() -> None:
    """A client may open both windows for each piece of content that it gets."""
    conduct, opening = Conduct(now=0.0), ours(window(1, 1))

    for _ in range(2 * IDLE_FRAMES):
        conduct.count_content()
        conduct.weigh(opening, 0.0)
        conduct.weigh(opening, 0.0)


def test_too_many_settings_in_one_frame() -> None:
    """A frame with thousands of settings is a fault by itself."""
    frame = setting()
    frame.settings = dict.fromkeys(range(1_000, 1_065), 1)

    with pytest.raises(BadFrames, match="too many HTTP/2 settings"):
        Conduct(now=0.0).weigh(ours(frame), 0.0)


def test_streams_in_vain() -> None:
    """Streams may be given up for a while, and then as many as time allows (CVE-2023-44487)."""
    conduct = Conduct(now=0.0)
    for _ in range(RESETS):
        conduct.count_reset(0.0)
    conduct.count_reset(1 / RESETS_PER_S)

    with pytest.raises(BadFrames, match="HTTP/2 streams reset"):
        conduct.count_reset(1 / RESETS_PER_S)


def test_answers_make_up_for_resets() -> None:
    """A client that gives up every other stream is no fault."""
    conduct = Conduct(now=0.0)

    for _ in range(2 * RESETS):
        conduct.count_answer()
        conduct.count_reset(0.0)

    assert repr(conduct).startswith("<Conduct [resets: <Allowance [99.0 of 100 left]>")
