"""Scenarios by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.finding import NoSuchScenario, check_names, choose, find_scenarios
from support.contests import scenario

SCENARIOS = [scenario(name) for name in ("group-10", "group-100", "round-trip")]


def test_all_modules_of_the_folder_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each module adds what it lists."""
    folder = tmp_path / "found_scenarios"
    folder.mkdir()
    for name in ("b", "a"):
        source = f"from support.contests import scenario\nSCENARIOS = (scenario({name!r}),)\n"
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    found = find_scenarios(folder, "found_scenarios")

    assert [each.name for each in found] == ["a", "b"]
    for name in ("found_scenarios.a", "found_scenarios.b", "found_scenarios"):
        sys.modules.pop(name)


def test_names_are_unique() -> None:
    """Two of the same name would overwrite each other's figures."""
    with pytest.raises(ValueError, match="'pair'"):
        check_names([scenario("pair"), scenario("pair")])


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ([], ["group-10", "group-100", "round-trip"]),
        (["group-10"], ["group-10"]),
        (["round-trip", "group*"], ["group-10", "group-100", "round-trip"]),
    ],
)
def test_patterns_choose(patterns: list[str], chosen: list[str]) -> None:
    """Names choose one, patterns several, and none of them all; each once, in order."""
    assert [each.name for each in choose(SCENARIOS, patterns)] == chosen


@pytest.mark.parametrize(("pattern", "hint"), [("group", "group-10, group-100"), ("rond-trip", "round-trip")])
def test_unknown_name_is_refused_with_a_hint(pattern: str, hint: str) -> None:
    """A slip says what was probably meant."""
    with pytest.raises(NoSuchScenario, match=hint):
        choose(SCENARIOS, ["group*", pattern])
