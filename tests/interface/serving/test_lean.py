"""Modules that a server has no use for stay out of it."""

from __future__ import annotations

import importlib
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


def test_nothing_stays_hidden_if_an_import_fails() -> None:
    """Whatever it was."""
    with pytest.raises(ModuleNotFoundError):
        import_without(["heavy_friend"], ["no_such_module"])

    assert importlib.import_module("heavy_friend")
