"""Every source file of the core has a test file of the same name, so that one knows where to look."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from support.sources import ROOT, source_files

ELSEWHERE: Final = {
    "zmqlayer": "tests/test_exports.py",
    "zmqlayer.actions": "values without behaviour; tests/zmqlayer/test_outbox.py",
    "zmqlayer.messages": "types only; tests/interface/conversations/test_translate.py",
    "zmqlayer.identity": "values; tests/zmqlayer/test_links.py",
    "zmqlayer.ports": "protocols only; tests/zmqlayer/test_dialing.py",
    "zmqlayer.memory_node": "one half of the network in memory; tests/zmqlayer/test_memory.py",
    "zmqlayer.memory_wires": "what connects nodes in memory; tests/zmqlayer/test_memory.py",
    "zmqlayer.asking": "tests/contract",
    "zmqlayer.base": "what both faces share; tests/contract",
    "zmqlayer.compose": "tests/contract, tests/system",
    "zmqlayer.layer": "tests/contract",
    "zmqlayer.node": "tests/contract",
    "zmqlayer.sync": "tests/contract",
    "zmqlayer.bind": "a part of the configuration; tests/zmqlayer/test_config.py",
    "zmqlayer.timing": "a part of the configuration; tests/zmqlayer/test_config.py",
    "zmqlayer.transport": "tests/contract",
    "zmqlayer.twisted": "tests/contract",
}
"""Source files of the core without a test file of their own, and what covers them instead."""


def core() -> dict[str, Path]:
    """Return the modules directly below ``zmqlayer``."""
    return {module: path for module, path in source_files().items() if path.parent == ROOT / "zmqlayer"}


def test_every_source_file_has_its_test_file() -> None:
    """For ``zmqlayer/x.py`` there is ``tests/zmqlayer/test_x.py``, or a word on where else to look."""
    missing = [
        module
        for module, path in core().items()
        if module not in ELSEWHERE and not (ROOT / "tests" / "zmqlayer" / f"test_{path.stem}.py").exists()
    ]

    assert not missing


def test_exceptions_still_exist() -> None:
    """The list of exceptions names no file that is gone."""
    assert ELSEWHERE.keys() <= core().keys()
