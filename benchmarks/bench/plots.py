"""The report's plots, as SVG: lines over what a family differs in, or a bar for each contestant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from bench.results import Result
from bench.tables import by_family
from bench.wording import number, slug
from support.scenario import OURS, Measure

__all__ = ["draw_family", "draw_plots"]

FIRST: Final = "#0b5cad"
VARIANTS: Final = ("#5b9bd5", "#2a9d8f", "#86b8e8", "#57c4b5", "#9bb7d4")
OTHER: Final = "#a8a8a8"
OTHERS: Final = ("#8c564b", "#c08552", "#7f7f7f", "#9467bd", "#b5a642", "#4d4d4d", "#d4a5a5", "#a3a3a3")
MARKERS: Final = "osD^vP*Xhd"
PANEL: Final = (4.2, 3.2)
LEGEND: Final = 2.2
"""Inches beside the panels."""
BAR_HEIGHT: Final = 0.32
LOG_FROM: Final = 20.0
"""Axes are logarithmic where the greatest is so many times the least."""
STYLE: Final[Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "zmqlayer",  # the same figures give the same file
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#999999",
    "axes.labelcolor": "#333333",
    "xtick.color": "#666666",
    "ytick.color": "#666666",
    "text.color": "#222222",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def draw_plots(results: Iterable[Result], folder: Path) -> dict[str, list[str]]:
    """
    Write the plots of all families to *folder*.

    Returns:
        The names of the files, by family.
    """
    files: dict[str, list[str]] = {}
    for family, members in by_family(results).items():
        for name, figure in draw_family(family, members):
            with mpl.rc_context(STYLE):
                figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            files.setdefault(family, []).append(f"{name}.svg")
    return files


def draw_family(family: str, results: Sequence[Result]) -> list[tuple[str, Figure]]:
    """Return one figure with lines if the scenarios differ in *x*, else one with bars for each; with their names."""
    with mpl.rc_context(STYLE):
        over_x = sorted((result for result in results if result.scenario.x is not None), key=_x)
        if len(over_x) > 1:
            figures = [(slug(family), _lines(family, over_x))]
        else:
            figures = [(slug(result.scenario.name), _bars(result)) for result in results]
    return [(name, figure) for name, figure in figures if figure is not None]


def _x(result: Result) -> float:
    assert result.scenario.x is not None  # only such results are sorted and drawn over it
    return result.scenario.x


def _lines(family: str, results: Sequence[Result]) -> Figure | None:
    names = list(dict.fromkeys(name for result in results for name in result.outcomes if result.outcomes[name].counts))
    measures = [measure for measure in results[0].scenario.measures if _is_worth_it(results, names, measure)]
    if not measures:
        return None
    figure, panels = _panels(len(measures), PANEL, LEGEND if len(names) > 1 else 0.0)
    for axes, measure in zip(panels, measures, strict=True):
        for place, name in enumerate(names):
            _line(axes, results, name, measure, _color(names, name), MARKERS[place % len(MARKERS)])
        _label_lines(axes, results, measure)
    _entitle(figure, f"{family[:1].upper()}{family[1:]}")
    handles, labels = panels[0].get_legend_handles_labels()
    if len(names) > 1:
        figure.legend(handles, labels, loc="outside right upper", frameon=False)
    return figure


def _line(axes: Axes, results: Sequence[Result], name: str, measure: Measure, color: str, marker: str) -> None:
    points = [(_x(result), spread) for result in results if (spread := result.spread(name, measure.name))]
    xs, is_first = [x for x, _ in points], name == results[0].ours
    style = "-" if name.startswith(OURS) else "--"
    axes.plot(
        xs, [spread.median for _, spread in points], style, color=color, label=name, marker=marker, markersize=4.5,
        linewidth=2.4 if is_first else 1.3, zorder=3 if is_first else 2,
    )  # fmt: skip
    axes.fill_between(
        xs, [spread.least for _, spread in points], [spread.most for _, spread in points],
        color=color, alpha=0.12, linewidth=0,
    )  # fmt: skip


def _label_lines(axes: Axes, results: Sequence[Result], measure: Measure) -> None:
    xs = [_x(result) for result in results]
    if min(xs) > 0 and max(xs) / min(xs) >= LOG_FROM:
        axes.set_xscale("log")
    axes.set_xticks(xs, [_tick(x) for x in xs])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel(results[0].scenario.x_label)
    axes.set_title(f"{measure.name}, {measure.unit}", loc="left")
    low, high = _extent(results, measure)
    if low > 0 and high / low >= LOG_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(_tick))


def _bars(result: Result) -> Figure | None:
    names = [name for name, outcome in result.outcomes.items() if outcome.counts]
    measures = [measure for measure in result.scenario.measures if _is_worth_it([result], names, measure)]
    if not measures or len(names) < 2:
        return None
    figure, panels = _panels(len(measures), (PANEL[0], 0.9 + BAR_HEIGHT * len(names)))
    for place, (axes, measure) in enumerate(zip(panels, measures, strict=True)):
        _bar(axes, result, names, measure)
        if place % _columns(len(measures)):
            axes.tick_params(labelleft=False)
    _entitle(figure, result.scenario.title)
    return figure


def _bar(axes: Axes, result: Result, names: Sequence[str], measure: Measure) -> None:
    spreads = [spread for name in names if (spread := result.spread(name, measure.name))]
    medians = [spread.median for spread in spreads]
    reach = [[s.median - s.least for s in spreads], [s.most - s.median for s in spreads]]
    colors = [FIRST if name == names[0] else VARIANTS[0] if name.startswith(OURS) else OTHER for name in names]
    axes.barh(names, medians, height=0.66, color=colors, xerr=reach, error_kw={"ecolor": "#00000066", "lw": 1})
    for place, spread in enumerate(spreads):
        axes.annotate(
            number(spread.median), (spread.most, place), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.set_xlim(0, 1.28 * max(spread.most for spread in spreads))
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0, labelcolor="#222222")
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(FuncFormatter(_tick))
    axes.set_title(f"{measure.name}, {measure.unit}", loc="left")


def _entitle(figure: Figure, title: str) -> None:
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")


def _tick(value: float, _: int | None = None) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:g}"


def _panels(number_of: int, size: tuple[float, float], beside: float = 0.0) -> tuple[Figure, list[Axes]]:
    columns = _columns(number_of)
    rows = math.ceil(number_of / columns)
    figure = Figure(
        figsize=(size[0] * columns + beside, size[1] * rows + 0.6),
        layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08),
    )
    grid = figure.subplots(rows, columns, squeeze=False)
    panels: list[Axes] = list(grid.flat)
    for empty in panels[number_of:]:
        empty.set_visible(False)
    return figure, panels[:number_of]


def _columns(number_of: int) -> int:
    return min(number_of, 2 if number_of == 4 else 3)


def _color(names: Sequence[str], name: str) -> str:
    """Return blue for the first of ours, its relatives for variants, and muted ones for others."""
    if name == names[0]:
        return FIRST
    is_ours = name.startswith(OURS)
    alike = [other for other in names[1:] if other.startswith(OURS) == is_ours]
    palette = VARIANTS if is_ours else OTHERS
    return palette[alike.index(name) % len(palette)]


def _extent(results: Sequence[Result], measure: Measure) -> tuple[float, float]:
    """Return the least and the greatest of all rounds of all contestants."""
    rounds = [figure for r in results for name in r.outcomes for figure in r.rounds(name, measure.name)]
    return (min(rounds), max(rounds)) if rounds else (0.0, 0.0)


def _is_worth_it(results: Sequence[Result], names: Sequence[str], measure: Measure) -> bool:
    """Return whether a measure has anything to show: what was lost mostly is nothing."""
    return bool(names) and _extent(results, measure)[1] > 0
