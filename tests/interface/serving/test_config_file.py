"""Configuration files."""

from __future__ import annotations

import pytest

from zmqlayer.interface.serving.config_file import BadFile, read_file


def test_a_file_has_two_tables() -> None:
    """Values stay as they are; they are checked with all others."""
    file = read_file("shop.toml", b'[interface]\nhttp_timeout = 30\n[mesh]\ncluster = "shop"\n')

    assert (file.interface, file.mesh) == ({"http_timeout": 30}, {"cluster": "shop"})


def test_an_empty_file_says_nothing() -> None:
    """As if there were none."""
    assert read_file("shop.toml", b"").interface == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[interface", "shop.toml: is not TOML: "),
        (b"\xff", "shop.toml: is not TOML: "),
        (b"http_timeout = 1", "shop.toml: http_timeout stands outside a table; put it below [interface]"),
        (b"[server]", "shop.toml: [server] is unknown; the tables are [interface] and [mesh]"),
        (b"[interface]\nhttp_timout = 1", "[interface] http_timout is unknown; did you mean http_timeout?"),
        (b"[interface]\nhttp-timeout = 1", "[interface] http-timeout is unknown; did you mean http_timeout?"),
        (b"[interface]\ncluster = 'a'", "[interface] cluster is unknown; it belongs below [mesh]"),
        (b"[interface]\nxyzzy = 1", "[interface] xyzzy is unknown; zmqlayer interface --help lists all"),
        (b"[mesh]\nclustr = 'a'", "[mesh] clustr is unknown; did you mean cluster?"),
    ],
)
def test_a_mistake_is_a_sentence(content: bytes, sentence: str) -> None:
    """It names the file, the place and what was probably meant."""
    with pytest.raises(BadFile) as caught:
        read_file("shop.toml", content)

    assert sentence in str(caught.value)
