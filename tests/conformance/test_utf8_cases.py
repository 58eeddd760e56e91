"""Section 6 of the Autobahn testsuite: UTF-8, which must be checked as it arrives. RFC 6455, 8.1; RFC 3629."""

from __future__ import annotations

import pytest

from support.connections import CONTINUATION, TEXT, frame
from support.echo import Case, Echo, chop, fragments, play, text

GREEK = "\u03ba\u1f79\u03c3\u03bc\u03b5".encode()
BROKEN = GREEK + b"\xed\xa0\x80" + b"edited"
TOO_HIGH = GREEK + b"\xf4\x90\x80\x80" + b"edited"


def sequences(section: str, payloads: list[bytes], is_valid: bool) -> list[Case]:
    """Return a case for each payload, in one frame."""
    return [
        Case(
            f"{section}.{n}", (frame(TEXT, payload),), (text(payload),) if is_valid else (), None if is_valid else 1007
        )
        for n, payload in enumerate(payloads, 1)
    ]


def whole(*codes: int) -> list[bytes]:
    """Return the UTF-8 of each code point."""
    return [chr(code).encode() for code in codes]


EMPTY = [
    Case("6.1.1", (frame(TEXT),), (text(b""),)),
    Case("6.1.2", (fragments(TEXT, b"", b"", b""),), (text(b""),)),
    Case("6.1.3", (fragments(TEXT, b"", b"middle", b""),), (text(b"middle"),)),
]
MIXED = "Hällo-µ@ßöäüàá-Ω☃".encode() + b"UTF-8!!"
GOOD = [
    Case("6.2.1", (frame(TEXT, MIXED),), (text(MIXED),)),
    Case("6.2.2", (fragments(TEXT, MIXED[:13], MIXED[13:]),), (text(MIXED),)),
    Case("6.2.3", (fragments(TEXT, *chop(MIXED)),), (text(MIXED),)),
    Case("6.2.4", (fragments(TEXT, *chop(GREEK)),), (text(GREEK),)),
]
BAD = [
    Case("6.3.1", (frame(TEXT, BROKEN),), (), 1007),
    Case("6.3.2", (fragments(TEXT, *chop(BROKEN)),), (), 1007),
]
SEQUENCES = [
    *sequences("6.5", [GREEK, *(GREEK[:end] for end in (2, 5, 7, 9))], is_valid=True),
    *sequences("6.6", [GREEK[:end] for end in (1, 3, 4, 6, 8, 10)], is_valid=False),
    *sequences("6.7", whole(0, 0x80, 0x800, 0x10000), is_valid=True),
    *sequences("6.8", [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"], is_valid=False),
    *sequences("6.9", whole(0x7F, 0x7FF, 0xFFFF, 0x10FFFF), is_valid=True),
    *sequences("6.10", [b"\xf7\xbf\xbf\xbf", b"\xfb" + b"\xbf" * 4, b"\xfd" + b"\xbf" * 5], is_valid=False),
    *sequences("6.11", whole(0xD7FF, 0xE000, 0xFFFD, 0x10FFFF), is_valid=True),
    *sequences("6.11.x", [b"\xf4\x90\x80\x80"], is_valid=False),
    *sequences(
        "6.12", [b"\x80", b"\xbf", *(b"\x80\xbf" * n for n in (1, 2, 3)), bytes(range(0x80, 0xC0))], is_valid=False
    ),
    *sequences(
        "6.13",
        [
            b" ".join(bytes([n]) for n in starts) + b" "
            for starts in (range(0xC0, 0xE0), range(0xE0, 0xF0), range(0xF0, 0xF8))
        ]
        + [b"\xf8 \xf9 \xfa \xfb ", b"\xfc \xfd "],
        is_valid=False,
    ),
    *sequences(
        "6.14",
        [
            b"\xc0",
            b"\xe0\x80",
            b"\xf0\x80\x80",
            b"\xf8\x80\x80\x80",
            b"\xfc\x80\x80\x80\x80",
            b"\xdf",
            b"\xef\xbf",
            b"\xf7\xbf\xbf",
            b"\xfb\xbf\xbf\xbf",
            b"\xfd\xbf\xbf\xbf\xbf",
        ],
        is_valid=False,
    ),
    *sequences("6.15", [b"\xc0\xe0\x80\xf0\x80\x80\xdf\xef\xbf\xf7\xbf\xbf"], is_valid=False),
    *sequences("6.16", [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"], is_valid=False),
    *sequences(
        "6.17",
        [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"],
        is_valid=False,
    ),
    *sequences(
        "6.18",
        [b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf", b"\xf8\x87\xbf\xbf\xbf", b"\xfc\x83\xbf\xbf\xbf\xbf"],
        is_valid=False,
    ),
    *sequences(
        "6.19",
        [b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80", b"\xf8\x80\x80\x80\x80", b"\xfc\x80\x80\x80\x80\x80"],
        is_valid=False,
    ),
    *sequences(
        "6.20",
        [
            chr(code).encode("utf-8", "surrogatepass")
            for code in (0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF)
        ],
        is_valid=False,
    ),
    *sequences(
        "6.21",
        [
            (chr(high) + chr(low)).encode("utf-8", "surrogatepass")
            for high in (0xD800, 0xDB7F, 0xDB80, 0xDBFF)
            for low in (0xDC00, 0xDFFF)
        ],
        is_valid=False,
    ),
    *sequences("6.22", whole(*(plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF))), is_valid=True),
    *sequences("6.23", whole(*range(0xFFF9, 0xFFFE), 0xFFFD, 0xFEFF), is_valid=True),
]


@pytest.mark.parametrize("case", [*EMPTY, *GOOD, *BAD, *SEQUENCES], ids=str)
def test_case(case: Case) -> None:
    """Texts come back as they were; what is no UTF-8 fails the connection with 1007."""
    play(case)


def in_frames(payload: bytes, cut: int) -> list[bytes]:
    """Return a text of which the frame with the mistake is not the last."""
    return [frame(TEXT, payload[:cut], is_final=False), frame(CONTINUATION, payload[cut:], is_final=False)]


def in_reads(payload: bytes, cut: int) -> list[bytes]:
    """Return one frame in several reads."""
    data = frame(TEXT, payload)
    head = len(data) - len(payload)
    return [data[: head + cut], data[head + cut : head + cut + 1], data[head + cut + 1 :]]


@pytest.mark.parametrize(
    ("number", "pieces"),
    [
        ("6.4.1", in_frames(TOO_HIGH, len(GREEK) + 1)),
        ("6.4.2", in_frames(BROKEN, len(GREEK) + 1)),
        ("6.4.3", in_reads(TOO_HIGH, len(GREEK) + 1)),
        ("6.4.4", in_reads(BROKEN, len(GREEK) + 1)),
    ],
)
def test_a_mistake_fails_the_connection_at_once(number: str, pieces: list[bytes]) -> None:
    """At the very byte that no text can have there; neither frame nor message need be complete."""
    echo = Echo()
    echo.send(pieces[0])
    assert echo.read() == []

    echo.send(pieces[1])

    echo.check_failure(echo.read(), 1007)
    echo.site.close()
