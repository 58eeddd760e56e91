"""Keys: the derivation is RFC 5869's, and the same in every version."""

from __future__ import annotations

import zmq
from hypothesis import given
from hypothesis import strategies as st
from zmq.utils import z85

from support.strategies import quick
from zmqlayer.security import Keys, _hkdf_sha256

SECRET = b"sixteen bytes or more"


def test_derivation_is_hkdf() -> None:
    """RFC 5869, appendix A.3: SHA-256 without salt or info; the first 32 of its 42 bytes."""
    assert _hkdf_sha256(b"\x0b" * 22, b"").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"


def test_keys_are_the_same_in_every_version() -> None:
    """Nodes of two versions with one secret must meet: the keys of this secret and cluster are these."""
    keys = Keys.derive(SECRET, "default")

    assert keys.public == b"rvd02kfxOK3VPAO>g6$fb0onQh=)r9]Z^]URi]Rl"
    assert z85.decode(keys.secret) == _hkdf_sha256(SECRET, b"zmqlayer/curve/v1|default")


@quick
@given(st.binary(min_size=16, max_size=64), st.text("abc-._", min_size=1, max_size=20))
def test_keys_are_a_pair(secret: bytes, cluster: str) -> None:
    """Both halves are 40 characters of Z85 and belong together."""
    keys = Keys.derive(secret, cluster)

    assert len(keys.public) == len(keys.secret) == 40
    assert zmq.curve_public(keys.secret) == keys.public
    assert Keys.derive(secret, cluster) == keys


def test_secret_and_cluster_make_the_keys() -> None:
    """Another secret, or another cluster with the same secret, has other keys."""
    derived = {Keys.derive(secret, cluster) for secret in (SECRET, SECRET + b"!") for cluster in ("a", "b", "ü")}

    assert len(derived) == 6


def test_keys_are_not_shown() -> None:
    """Neither half appears where keys are printed or logged: the public one is a capability too."""
    keys = Keys.derive(SECRET, "default")

    assert repr(keys) == str(keys) == "<Keys>"
