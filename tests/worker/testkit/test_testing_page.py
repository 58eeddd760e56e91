"""What ``docs/testing.md`` shows runs, as a user's tests would."""

from __future__ import annotations

import re
import unittest
from typing import Any, Final

import pytest

from support.sources import ROOT

PAGE: Final = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
SNIPPETS: Final = re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE)


def test_the_page_has_snippets() -> None:
    """None is overlooked."""
    assert len(SNIPPETS) == PAGE.count("```python") > 3


def as_parameter(snippet: str) -> Any:
    """Return a snippet under the name of its test case; a live one starts a process."""
    (name, base) = re.findall(r"class (\w+)\((\w+)\)", snippet)[0]
    return pytest.param(snippet, id=name, marks=[pytest.mark.system] if "Live" in base else [])


@pytest.mark.parametrize("snippet", [as_parameter(snippet) for snippet in SNIPPETS])
def test_a_snippet_passes(snippet: str, database: None) -> None:
    """Each is a test case that can be copied."""
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(snippet, names)
    cases = [
        case
        for case in names.values()
        if isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == "snippet"
    ]
    result = unittest.TestResult()

    for case in cases:
        unittest.defaultTestLoader.loadTestsFromTestCase(case)(result)

    assert (result.testsRun, result.errors, result.failures) == (1, [], [])
