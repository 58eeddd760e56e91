"""
The h2 library as it is used here: what is told to clients, and what h2 shall leave to us. No I/O; ``http2`` drives it.

h2 keeps the states of streams, the windows and the compression. Heads are kept from it: whatever it finds wrong with
one would end the whole connection, where RFC 9113, 8.1.1 asks for the end of one stream.
"""

from __future__ import annotations

from typing import Final, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hpack import Decoder, HeaderTuple, HPACKError, OversizedHeaderListError

from zmqlayer.interface.clients.head import Field
from zmqlayer.interface.clients.http2_fields import ENTRY_SIZE
from zmqlayer.interface.clients.http2_frames import PREFACE
from zmqlayer.interface.options import ServerOptions

__all__ = ["STREAM_WINDOW", "Machine"]

STREAM_WINDOW: Final = 262_144
"""Bytes of one body that may be under way to us, or wait here while it is paused."""
CONNECTION_WINDOW: Final = 1_048_576
"""Bytes of all bodies that may be under way to us. A paused body does not count: others flow past it."""
TABLE_SIZE: Final = 4_096
"""Of the table of known fields, ours and the client's; it could ask for a table of gigabytes here."""
NO_PRIORITIES: Final = cast(SettingCodes, 0x9)
"""SETTINGS_NO_RFC7540_PRIORITIES (RFC 9218, 2.1), for which h2 has no name."""
CONFIGURATION: Final = H2Configuration(
    client_side=False,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)


class CompressionError(ProtocolError):
    """The client's HPACK cannot be read, nor anything after it (RFC 9113, 4.3)."""

    error_code = ErrorCodes.COMPRESSION_ERROR


class HeadDecoder(Decoder):
    """
    Decodes heads, and keeps them from h2.

    Attributes:
        fields: Of the head that was decoded last.
    """

    def __init__(self, max_list_size: int) -> None:
        super().__init__(max_list_size)
        self.fields: list[Field] = []

    def decode(self, data: bytes, raw: bool = False) -> list[HeaderTuple]:
        """Decode one head into :attr:`fields`, and return none of them."""
        try:
            self.fields = [(bytes(name), bytes(value)) for name, value in super().decode(data, raw=True)]
        except OversizedHeaderListError:
            raise
        except (HPACKError, IndexError) as exc:
            raise CompressionError("a head that is no HPACK") from exc
        return []


class Machine(H2Connection):
    """One client's connection, without its bytes."""

    MAX_CLOSED_STREAMS = 256
    """h2 remembers 65,536 by itself: megabytes for each client that asks for much."""

    def __init__(self, options: ServerOptions) -> None:
        super().__init__(CONFIGURATION)
        self._head_decoder = HeadDecoder(self.max_list_size(options))
        self.decoder = self._head_decoder
        self._options = options
        self._unreturned = 0

    @staticmethod
    def max_list_size(options: ServerOptions) -> int:
        """
        Return the size of a head at which the connection ends.

        A head of half of that is answered with 431 already, but still has to be decoded, as all heads share a table.
        """
        return 2 * (options.max_header_size + ENTRY_SIZE * options.max_headers)

    def initiate_connection(self) -> None:
        """Prepare our settings and the window for all bodies; then give :meth:`data_to_send` to the client."""
        told = {
            SettingCodes.MAX_CONCURRENT_STREAMS: self._options.max_streams,
            SettingCodes.MAX_HEADER_LIST_SIZE: self._options.max_header_size,
            SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            SettingCodes.HEADER_TABLE_SIZE: TABLE_SIZE,
            NO_PRIORITIES: 1,
        }
        self.local_settings = Settings(client=False, initial_values=told)
        super().initiate_connection()
        # A stream too many is refused by itself; h2 would end the connection.
        self.local_settings = Settings(client=False, initial_values={SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW})
        self.receive_data(PREFACE)  # which was read already
        self.increment_flow_control_window(CONNECTION_WINDOW - self.inbound_flow_control_window)

    @property
    def fields(self) -> list[Field]:
        """The fields of the head that arrived last."""
        return self._head_decoder.fields

    def bound_settings(self) -> None:
        """Forget what of the client's settings costs memory and is of no use."""
        if self.encoder.header_table_size > TABLE_SIZE:
            self.encoder.header_table_size = TABLE_SIZE
        # What the table's size was meanwhile is told to the client: the least, and the last (RFC 7541, 4.2).
        sizes = [size for size in self.encoder.table_size_changes if size <= TABLE_SIZE]
        self.encoder.table_size_changes = [min(sizes), *sizes[-1:]] if len(sizes) > 2 else sizes
        for unknown in [code for code in self.remote_settings if not isinstance(code, SettingCodes)]:
            del self.remote_settings[unknown]

    def return_window(self, size: int) -> None:
        """Let the client send *size* more bytes of any body, once that is worth a frame."""
        self._unreturned += size
        if self._unreturned >= CONNECTION_WINDOW // 4:
            returned, self._unreturned = self._unreturned, 0
            self.increment_flow_control_window(returned)
