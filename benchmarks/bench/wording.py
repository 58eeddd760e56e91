"""Figures and times as the report writes them. Pure."""

from __future__ import annotations

import math
import re

__all__ = ["duration", "number", "slug"]


def number(value: float) -> str:
    """Return *value* with three digits that count, below 10,000 with all before the point."""
    if not math.isfinite(value):
        return "∞"
    if abs(value) >= 9_999.5:
        return f"{float(f'{value:.3g}'):,.0f}"
    if value == 0 or abs(value) >= 99.95:
        return f"{value:,.0f}"
    if abs(value) >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.0995 else f"{value:.2g}"


def duration(seconds: float) -> str:
    """Return minutes and seconds: ``12:05``."""
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes}:{left:02d}"


def slug(name: str) -> str:
    """Return *name* as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
