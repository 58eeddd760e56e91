"""
Which extension a WebSocket uses: permessage-deflate (RFC 7692) as the client offers it, or none. Pure.

No context is taken over from one message to the next in either direction. So an idle socket holds no window, and what
a client sends is decompressed with one of 4 KB if the client can do with that, and of 32 KB if not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from zmqlayer.interface.clients.head import BadRequest

__all__ = ["Agreement", "agree"]

NAME: Final = "permessage-deflate"
WINDOW_BITS: Final = range(8, 16)
MOST_BITS: Final = 12
"""A window of 4 KB: larger ones gain little on the messages of WebSockets, and cost their size for each of them."""
LEAST_BITS: Final = 9
"""zlib cannot compress with a window of 256 bytes."""

_TOKEN: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER: Final = rf'({_TOKEN})(?:[ \t]*=[ \t]*(?:({_TOKEN})|"((?:[^"\\]|\\.)*)"))?'
EXTENSION: Final = re.compile(rf"[ \t]*({_TOKEN})((?:[ \t]*;[ \t]*{_PARAMETER})*)[ \t]*(?:,|\Z)")
PARAMETER: Final = re.compile(rf";[ \t]*{_PARAMETER}")
EMPTY: Final = re.compile(r"[ \t]*,")

Parameters = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Agreement:
    """
    What a client and this server agreed on.

    Attributes:
        server_bits: log2 of the window for what the server sends, 9 to 12.
        client_bits: Of that for what the client sends, 8 to 15.
        answer: The value of ``Sec-WebSocket-Extensions`` in the response.
    """

    server_bits: int
    client_bits: int
    answer: bytes


def agree(values: Iterable[bytes]) -> Agreement | None:
    """
    Return what is agreed on: the first offer that can be met, or None if there is none.

    Args:
        values: Of the fields ``Sec-WebSocket-Extensions``.

    Raises:
        BadRequest: They are not in the format of RFC 6455, 9.1.
    """
    agreements = [_accept(parameters) for name, parameters in _read(b",".join(values)) if name == NAME]
    return next((agreement for agreement in agreements if agreement is not None), None)


def _read(value: bytes) -> Iterator[tuple[str, Parameters | None]]:
    """Yield name and parameters of each offer; None for parameters of which one is there twice."""
    text = value.decode("latin-1")
    position = 0
    while position < len(text):
        empty = EMPTY.match(text, position)
        if empty:
            position = empty.end()
            continue
        offer = EXTENSION.match(text, position)
        if not offer:
            raise BadRequest("Sec-WebSocket-Extensions is not a list of extensions.")
        yield offer[1].lower(), _read_parameters(offer[2])
        position = offer.end()


def _read_parameters(text: str) -> Parameters | None:
    found = [(name.lower(), token or quoted or None) for name, token, quoted in PARAMETER.findall(text)]
    parameters = dict(found)
    return parameters if len(parameters) == len(found) else None


def _accept(parameters: Parameters | None) -> Agreement | None:
    """Return the agreement on one offer, or None if it is to be declined (RFC 7692, 7)."""
    if parameters is None or not _are_valid(parameters):
        return None
    answer = [NAME, "server_no_context_takeover", "client_no_context_takeover"]
    server_bits, client_bits = MOST_BITS, 15
    if "server_max_window_bits" in parameters:
        server_bits = min(MOST_BITS, int(parameters["server_max_window_bits"] or 0))
        answer.append(f"server_max_window_bits={server_bits}")
    if "client_max_window_bits" in parameters:
        client_bits = min(MOST_BITS, int(parameters["client_max_window_bits"] or 15))
        answer.append(f"client_max_window_bits={client_bits}")
    if server_bits < LEAST_BITS:
        return None
    return Agreement(server_bits, client_bits, "; ".join(answer).encode("ascii"))


def _are_valid(parameters: Parameters) -> bool:
    for name, value in parameters.items():
        if name in {"server_no_context_takeover", "client_no_context_takeover"}:
            is_valid = value is None
        elif name == "server_max_window_bits":
            is_valid = _is_window(value)
        elif name == "client_max_window_bits":
            is_valid = value is None or _is_window(value)
        else:
            is_valid = False
        if not is_valid:
            return False
    return True


def _is_window(value: str | None) -> bool:
    return value in {str(bits) for bits in WINDOW_BITS}
