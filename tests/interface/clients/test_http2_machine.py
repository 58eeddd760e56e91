"""h2 as it is used here."""

import struct

import pytest
from h2.errors import ErrorCodes
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.exceptions import DenialOfServiceError, ProtocolError
from hpack import Encoder
from hyperframe.frame import HeadersFrame, WindowUpdateFrame

from support.http2_client import GET, POST, Field, data, setting
from zmqlayer.interface.clients.http2_machine import CONNECTION_WINDOW, Machine
from zmqlayer.interface.options import ServerOptions


@pytest.fixture
def machine() -> Machine:
    """A machine whose client has sent its settings."""
    machine = Machine(ServerOptions(max_header_size=1_000, max_headers=10, max_url_size=1_000))
    machine.initiate_connection()
    machine.receive_data(setting().serialize())
    machine.data_to_send()
    return machine


def head(fields: list[Field], *, ends: bool = True) -> bytes:
    """Return a frame that opens stream 1."""
    flags = ["END_HEADERS", "END_STREAM"] if ends else ["END_HEADERS"]
    return HeadersFrame(1, Encoder().encode(fields, huffman=False), flags=flags).serialize()


def test_fields_are_kept_from_h2(machine: Machine) -> None:
    """Whatever a head holds, h2 sees none of it, and the stream is opened."""
    fields = [(b":status", b"100"), (b"UPPER", b"\0"), (b"content-length", b"x")]

    opened, ended = machine.receive_data(head(fields))

    assert isinstance(opened, RequestReceived)
    assert isinstance(ended, StreamEnded)
    assert opened.headers == []
    assert machine.fields == fields


def test_the_length_of_a_body_is_not_h2s_matter(machine: Machine) -> None:
    """A body of another length than announced is passed on."""
    machine.receive_data(head([*POST, (b"content-length", b"1")], ends=False))

    received, _ = machine.receive_data(data(1, b"more", ends=True).serialize())

    assert isinstance(received, DataReceived)
    assert received.data == b"more"


def test_no_hpack(machine: Machine) -> None:
    """A head that cannot be read is an error of the compression (RFC 9113, 4.3)."""
    with pytest.raises(ProtocolError) as caught:
        machine.receive_data(HeadersFrame(1, b"\x80", flags=["END_HEADERS"]).serialize())

    assert caught.value.error_code is ErrorCodes.COMPRESSION_ERROR


def test_a_head_far_over_the_limit(machine: Machine) -> None:
    """A head somewhat over the limit is read, to be refused; one of twice that is not."""
    machine.receive_data(head([*GET, (b"x", bytes(2_000))]))

    with pytest.raises(DenialOfServiceError):
        machine.receive_data(
            HeadersFrame(3, Encoder().encode([(b"x", bytes(2_700))]), flags=["END_HEADERS"]).serialize()
        )


def test_any_number_of_streams(machine: Machine) -> None:
    """h2 does not end the connection for a stream too many."""
    for stream_id in range(1, 301, 2):
        frame = HeadersFrame(stream_id, Encoder().encode(GET), flags=["END_HEADERS"])
        assert len(machine.receive_data(frame.serialize())) == 1


def test_the_window_for_all_bodies(machine: Machine) -> None:
    """It is opened again in steps that are worth a frame."""
    machine.return_window(CONNECTION_WINDOW // 4 - 1)
    assert machine.data_to_send() == b""

    machine.return_window(1)

    assert machine.data_to_send() == WindowUpdateFrame(0, window_increment=CONNECTION_WINDOW // 4).serialize()


def test_settings_of_extensions_are_forgotten(machine: Machine) -> None:
    """A client cannot have us keep thousands of settings that mean nothing."""
    payload = b"".join(struct.pack("!HL", code, 1) for code in range(1_000, 1_050))
    machine.receive_data(struct.pack("!BHBBL", 0, len(payload), 4, 0, 0) + payload)
    assert len(machine.remote_settings) > 50

    machine.bound_settings()

    assert len(machine.remote_settings) < 10


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ([2**32 - 1], []),
        ([65_536, 4_096], []),
        ([100], [100]),
        ([100, 65_536], [100, 4_096]),
        ([300, 100, 200], [100, 200]),
        ([0, 50, 65_536, 60], [0, 60]),
    ],
)
def test_the_table_of_fields(machine: Machine, sizes: list[int], told: list[int]) -> None:
    """It is never larger than ours, and the client is told of two sizes at most (RFC 7541, 4.2)."""
    for size in sizes:
        machine.receive_data(setting(HEADER_TABLE_SIZE=size).serialize())
        machine.bound_settings()

    assert machine.encoder.header_table_size == min(sizes[-1], 4_096)
    assert [size for size in machine.encoder.table_size_changes if size != 4_096 or told] == told
