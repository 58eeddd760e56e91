"""What ``docs/edge.md`` shows: its blocks, by language and by the path in their first line."""

from __future__ import annotations

import re
from typing import Final

from support.sources import ROOT

__all__ = ["EDGE", "block", "blocks"]

EDGE: Final = (ROOT / "docs" / "edge.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Return the blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", EDGE, re.MULTILINE | re.DOTALL)


def block(language: str, path: str) -> str:
    """Return the one block whose first line names *path*."""
    (found,) = [text for text in blocks(language) if text.startswith(f"# {path}\n")]
    return found
