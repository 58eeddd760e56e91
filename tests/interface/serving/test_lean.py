"""Modules that a server has no use for stay out of it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from zmqlayer.interface.serving.lean import import_without

ASKS = """
try:
    import heavy_friend
except ImportError:
    heavy_friend = None
"""

LAUNCH = """
import sys
heavy = ("OpenSSL", "cryptography", "service_identity")
import zmqlayer.interface.serving.command
import zmqlayer.interface.serving.start
print("command:", *(name for name in heavy if name in sys.modules))
zmqlayer.interface.serving.start.import_transports(with_tls=False)
import zmqlayer.interface.serving.launch
print("launch:", *(name for name in heavy if name in sys.modules))
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One module that uses another if that is there."""
    (tmp_path / "light_module.py").write_text(ASKS)
    (tmp_path / "heavy_friend.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("light_module", "heavy_friend"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_what_is_left_out_is_missing_for_those_that_are_imported() -> None:
    """And for nobody else: whoever needs it later can have it."""
    import_without(["heavy_friend"], ["light_module"])

    assert sys.modules["light_module"].heavy_friend is None
    assert importlib.import_module("heavy_friend")


def test_what_is_there_already_is_not_hidden() -> None:
    """Nothing could be spared any more."""
    heavy = importlib.import_module("heavy_friend")

    import_without(["heavy_friend"], ["light_module"])

    assert sys.modules["light_module"].heavy_friend is heavy


def test_a_server_without_tls_has_no_openssl() -> None:
    """Whatever imports what: it is a fifth of the memory of a server that stands behind a proxy."""
    ends = subprocess.run([sys.executable, "-c", LAUNCH], capture_output=True, text=True, timeout=30, check=True)

    assert ends.stdout.split() == ["command:", "launch:"]


def test_nothing_stays_hidden_if_an_import_fails() -> None:
    """Whatever it was."""
    with pytest.raises(ModuleNotFoundError):
        import_without(["heavy_friend"], ["no_such_module"])

    assert importlib.import_module("heavy_friend")
