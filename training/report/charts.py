"""The churn report's charts."""

from collections.abc import Sequence
from math import isfinite

import numpy as np
from markupsafe import Markup

from features.instants import iso
from training.backtest import Backtest
from training.intervals import rate, wilson
from training.metrics import OURS, gain_curve, lift_by_share, reliability
from training.report.drawing import Axis, Chart
from training.report.figures import ChurnReport
from training.slices import Slice

ROW = 26
"""Height of a row in a chart of rows."""

SPREAD = 20
"""Steps of the chart that shows how probabilities are spread."""


def styles(methods: Sequence[str]) -> dict[str, str]:
    """The class of each method's line: ours, and b0, b1, … b6 for the others."""
    others = [name for name in methods if name != OURS]
    return {OURS: "ours", **{name: f"b{place % 7}" for place, name in enumerate(others)}}


def charts(report: ChurnReport) -> dict[str, Markup]:
    """All charts by name."""
    return {
        "reliability": _reliability(report),
        "spread": _spread(report),
        "gain": _gain(report),
        "lift": _lift(report),
        "bands": _bands(report),
        "auc": _over_time(report, "auc", "AUC"),
        "brier": _over_time(report, "brier", "Brier score"),
        "season": _season(report.backtest),
        "slices": _slices([each for each in report.slices if each.judged]),
    }


def _reliability(report: ChurnReport) -> Markup:
    found = report.backtest.last.evaluation
    chart = Chart(
        "Predicted probability against the share who really placed no order, in ten groups",
        Axis.share("predicted probability of no order"),
        Axis.share("share without an order"),
    )
    chart.line([(0, 0), (1, 1)], "reference")
    for name, style in _last(report):
        mean, observed, count = reliability(found.left, found.predicted[name])
        chart.line(zip(mean, observed, strict=True), style)
        if name == OURS:
            low, high = wilson(observed, count)
            for x, a, b in zip(mean, np.maximum(low, 0), np.minimum(high, 1), strict=True):
                chart.whisker(x, a, b, style)
        chart.dots(zip(mean, observed, strict=True), style, 3.4 if name == OURS else 2)
    return chart.svg()


def _spread(report: ChurnReport) -> Markup:
    predicted = report.backtest.last.evaluation.predicted[OURS]
    count, edges = np.histogram(predicted, SPREAD, (0, 1))
    chart = Chart(
        "How many customers have which predicted probability",
        Axis.share("predicted probability of no order"),
        Axis.number("customers", count.tolist(), zero=True),
        height=170,
    )
    for x, number in zip((edges[1:] + edges[:-1]) / 2, count.tolist(), strict=True):
        chart.bar(x, 0.8 / SPREAD, number, "ours")
    return chart.svg()


def _gain(report: ChurnReport) -> Markup:
    found = report.backtest.last.evaluation
    chart = Chart(
        "Share of the leavers reached by writing to the riskiest customers first",
        Axis.share("customers written to, riskiest first"),
        Axis.share("share of the leavers reached"),
    )
    chart.line([(0, 0), (1, 1)], "reference")
    chart.line([(0, 0), (float(found.left.mean()), 1), (1, 1)], "reference")
    for name, style in _last(report):
        if name != "base_rate":  # it is the diagonal
            chart.line(zip(*gain_curve(found.left, found.predicted[name]), strict=True), style)
    return chart.svg()


def _lift(report: ChurnReport) -> Markup:
    found = report.backtest.last.evaluation
    tables = {name: lift_by_share(found.left, found.predicted[name]) for name, _ in _last(report)}
    chart = Chart(
        "How often each tenth of the customers left, against the average customer",
        Axis(0.4, 10.6, "tenth of the customers, riskiest first", [(i, f"{i}") for i in _TENTHS]),
        Axis.number("times the average", np.concatenate(list(tables.values())), zero=True),
    )
    for place, value in zip(_TENTHS, tables[OURS], strict=True):
        chart.bar(place, 0.7, value, "ours")
    chart.line([(0.4, 1), (10.6, 1)], "reference")
    for name, style in _last(report):
        if name not in (OURS, "base_rate"):
            chart.line(zip(_TENTHS, tables[name], strict=True), style)
            chart.dots(zip(_TENTHS, tables[name], strict=True), style, 2)
    return chart.svg()


_TENTHS = range(1, 11)


def _bands(report: ChurnReport) -> Markup:
    found = report.bands[::-1]
    ticks = [(i, f"{band.name}\n{band.customers:,}") for i, band in enumerate(found)]
    chart = Chart(
        "Share of each band's customers who really placed no order, and what was predicted",
        Axis(-0.6, len(found) - 0.4, "band, and its customers", ticks),
        Axis.share("share without an order"),
        bottom=62,
    )
    for place, band in enumerate(found):
        chart.bar(place, 0.62, band.observed.value, "pale")
        chart.whisker(place, band.observed.low, band.observed.high, "ink")
        chart.dots([(place, band.predicted)], "told", 4.5)
    return chart.svg()


def _over_time(report: ChurnReport, figure: str, words: str) -> Markup:
    back = report.backtest
    values = {name: back.figure(name, figure) for name in back.methods}
    places = range(len(back.tests))
    shown = [name for name in values if figure != "auc" or name != "base_rate"]
    ends = [*(v for name in shown for v in values[name])]
    if figure == "auc":
        ends += [end for each in report.auc for end in (each.low, each.high)]
    chart = Chart(
        f"{words} of every method at each past cutoff",
        _cutoffs(back),
        Axis.number(words, ends),
    )
    for name, style in _styled(back):
        if name in shown:
            points = list(zip(places, values[name], strict=True))
            chart.line(points, style)
            chart.dots(points, style, 3.4 if name == OURS else 2)
    if figure == "auc":
        for place, each in zip(places, report.auc, strict=True):
            chart.whisker(place, each.low, each.high, "ours")
    return chart.svg()


def _cutoffs(back: Backtest) -> Axis:
    ticks = [(i, iso(test.at)[:10]) for i, test in enumerate(back.tests)]
    return Axis(-0.5, len(ticks) - 0.5, "cutoff: what followed it was predicted", ticks)


def _season(back: Backtest) -> Markup:
    """Observed rates at the instants that were learnt from and at the cutoffs, and predictions."""
    rows = back.last.learnt
    seen = {at: rate(rows.y[rows.at == at]).value for at in np.unique(rows.at).tolist()} | {
        test.at: float(test.evaluation.left.mean()) for test in back.tests
    }
    told = [(test.at, float(test.evaluation.predicted[OURS].mean())) for test in back.tests]
    first, last = min(seen), max(seen)
    pad = max(1, (last - first) // 20)
    marks = np.linspace(first, last, 4).astype(np.int64).tolist() if last > first else [first]
    values = [*seen.values(), *(value for _, value in told)]
    low, high = np.floor(min(values) * 10) / 10, np.ceil(max(values) * 10) / 10
    chart = Chart(
        "The share without an order over the seasons, and what was predicted at each cutoff",
        Axis(first - pad, last + pad, "instant looked ahead from", [(m, _month(m)) for m in marks]),
        Axis.share("share without an order", low, max(high, low + 0.1), 0.1),
    )
    points = sorted(seen.items())
    chart.line(points, "ink")
    chart.dots(points, "ink", 2.4)
    chart.dots(told, "told", 4.5)
    return chart.svg()


def _month(at: int) -> str:
    return iso(at)[:7]


def _slices(shown: Sequence[Slice]) -> Markup:
    """Predicted less observed, with intervals."""
    ends = [end for s in shown for end in (s.difference.low, s.difference.high)]
    most = max([0.05, *(abs(end) for end in ends if isfinite(end))])
    most = float(np.ceil(most * 20) / 20)
    ticks = [
        (at, f"{at * 100:+g}".replace("-", "−") if at else "0")
        for at in (-most, -most / 2, 0, most / 2, most)
    ]
    rows = [(-i, f"{each.name} ({each.customers:,})") for i, each in enumerate(shown)]
    chart = Chart(
        "Predicted less observed share of each slice, in percentage points, with intervals",
        Axis(-most, most, "predicted less observed, points", ticks),
        Axis(-len(shown) + 0.4, 0.6, "", rows),
        height=ROW * max(1, len(shown)) + 60,
        left=178,
    )
    chart.line([(0, 0.6), (0, -len(shown) + 0.4)], "reference")
    for place, each in enumerate(shown):
        style = "bad" if each.miscalibrated else "ours"
        chart.span(-place, each.difference.low, each.difference.high, style)
        chart.dots([(each.difference.value, -place)], style, 4)
    return chart.svg()


def _styled(back: Backtest) -> list[tuple[str, str]]:
    """Methods of every cutoff and their classes; ours last, so that it lies on top."""
    pairs = styles(back.methods)
    return [*((name, pairs[name]) for name in pairs if name != OURS), (OURS, pairs[OURS])]


def _last(report: ChurnReport) -> list[tuple[str, str]]:
    return _styled(report.backtest)
