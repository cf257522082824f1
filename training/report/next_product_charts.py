"""The charts of the report on next products."""

from collections.abc import Sequence
from math import ceil, isfinite

import numpy as np
from markupsafe import Markup

from training.intervals import Interval, wilson
from training.metrics import OURS
from training.next_product import LONGEST, NextProductEvaluation
from training.report.charts import ROW, styles
from training.report.drawing import Axis, Chart

SHORT = {
    OURS: "this model",
    "g_topfreq": "bought by most",
    "p_topfreq": "own habits",
    "gp_topfreq": "own, then most",
    "tifuknn": "TIFUKNN",
    "upcf": "UP-CF",
    "neighbours": "neighbours alone",
    "als": "ALS alone",
}
"""Methods in as few words as a chart has room for."""

LEFT = 178
"""Room for the names of rows."""


def charts(found: NextProductEvaluation) -> dict[str, Markup]:
    """All charts by name; without what was not asked for."""
    out = {
        "recall": _recall(found),
        "gains": _gains(found),
        "shown": _shown(found),
        "groups": _groups(found),
    }
    if found.ablation:
        out["ablation"] = _ablation(found)
    if found.probability is not None:
        out["probability"] = _probability(found)
    return out


def _recall(found: NextProductEvaluation) -> Markup:
    values = np.concatenate(list(found.recall.values()))
    ticks = [(k, f"{k}") for k in (1, 5, 10, 15, LONGEST)]
    chart = Chart(
        "Share of what customers bought that is among the first products, by length of the list",
        Axis(0.5, LONGEST + 0.5, "products shown", ticks),
        _shares("share of what was bought", float(np.nanmax(values))),
    )
    places = range(1, LONGEST + 1)
    for name, style in _styled(found):
        chart.line(zip(places, found.recall[name], strict=True), style)
    chart.dots([(10, float(found.recall[OURS][9]))], "ours", 4)
    return chart.svg()


def _gains(found: NextProductEvaluation) -> Markup:
    rows = [
        (SHORT.get(name, name), found.intervals[f"less.{name}.recall@10"])
        for name in sorted(found.baselines, key=lambda m: -found.metrics[f"{m}.recall@10"])
    ]
    return _differences(
        "How much more of what was bought this model finds than each baseline, with intervals",
        "recall at 10, this model less the baseline, points",
        rows,
    )


def _shown(found: NextProductEvaluation) -> Markup:
    points = {
        name: (found.metrics[f"{name}.coverage@10"], found.metrics[f"{name}.novelty@10"])
        for name in found.recall
    }
    chart = Chart(
        "How much of the range each method shows, and how unknown what it shows is",
        _shares("share of the range that anybody is shown", max(x for x, _ in points.values())),
        Axis.number("bits of surprise", [y for _, y in points.values()]),
    )
    for name, style in _styled(found):
        chart.dots([points[name]], style, 6 if name == OURS else 4.5)
    wide, tall = chart.x.high - chart.x.low, chart.y.high - chart.y.low
    taken: list[tuple[float, float]] = []
    for name in found.recall:  # ours first: two names on one spot cannot be read, colours tell
        x, y = points[name]
        if not any(abs(x - a) < 0.3 * wide and abs(y - b) < 0.05 * tall for a, b in taken):
            chart.words(x, y, SHORT.get(name, name))
            taken.append((x, y))
    return chart.svg()


def _groups(found: NextProductEvaluation) -> Markup:
    best, shown = found.best_baseline, found.groups
    style = styles(list(found.recall))[best]
    highs = [each.recall[m].high for each in shown for m in (OURS, best)]
    known = [high for high in highs if isfinite(high)] or [1.0]
    rows = [(-i, f"{each.group.name} ({each.customers:,})") for i, each in enumerate(shown)]
    chart = Chart(
        "Recall at 10 of this model and of the best baseline, by kind of customer, with intervals",
        _shares("recall at 10", max(known)),
        Axis(-len(shown) + 0.4, 0.6, "", rows),
        height=round(1.4 * ROW) * max(1, len(shown)) + 60,
        left=LEFT + 30,
    )
    for place, each in enumerate(shown):
        for shift, name, kind in ((0.14, OURS, "ours"), (-0.14, best, style)):
            interval = each.recall[name]
            chart.span(-place + shift, interval.low, interval.high, kind)
            chart.dots([(interval.value, -place + shift)], kind, 4)
    return chart.svg()


def _ablation(found: NextProductEvaluation) -> Markup:
    rows = sorted(((each.source, each.recall) for each in found.ablation), key=lambda r: r[1].value)
    return _differences(
        "How recall at 10 changes when one source of candidates is silent, with intervals",
        "recall at 10 without the source, points",
        rows,
        better_is_good=False,
    )


def _probability(found: NextProductEvaluation) -> Markup:
    said = found.probability
    if said is None:
        return Markup("")
    mean, observed, count = said.bins
    low, high = wilson(observed, count)
    most = float(max(mean.max(), np.minimum(high, 1).max()))
    chart = Chart(
        "Said purchase probability against the share that was bought, in ten groups",
        _shares("said probability", most),
        _shares("share that was bought", most),
    )
    end = min(chart.x.high, chart.y.high)
    chart.line([(0, 0), (end, end)], "reference")
    chart.line(zip(mean, observed, strict=True), "ours")
    for x, a, b in zip(mean, np.maximum(low, 0), np.minimum(high, 1), strict=True):
        chart.whisker(x, a, b, "ours")
    chart.dots(zip(mean, observed, strict=True), "ours", 3.4)
    return chart.svg()


def _differences(
    title: str,
    label: str,
    rows: Sequence[tuple[str, Interval]],
    *,
    better_is_good: bool = True,
) -> Markup:
    """Rows of differences: strong where they leave out zero on the good side, red on the other."""
    ends = [abs(end) for _, each in rows for end in (each.low, each.high) if isfinite(end)]
    most = ceil(max([0.01, *ends]) * 100) / 100
    ticks = [
        (at, f"{at * 100:+.3g}".replace("-", "−") if at else "0")
        for at in (-most, -most / 2, 0.0, most / 2, most)
    ]
    chart = Chart(
        title,
        Axis(-most, most, label, ticks),
        Axis(-len(rows) + 0.4, 0.6, "", [(-i, name) for i, (name, _) in enumerate(rows)]),
        height=ROW * max(1, len(rows)) + 60,
        left=LEFT - 40,
    )
    chart.line([(0, 0.6), (0, -len(rows) + 0.4)], "reference")
    for place, (_, each) in enumerate(rows):
        good = (each.low > 0) if better_is_good else (each.high < 0)
        style = "ours" if good else "bad" if each.excludes_zero else "quiet"
        chart.span(-place, each.low, each.high, style)
        chart.dots([(each.value, -place)], style, 4)
    return chart.svg()


def _shares(label: str, most: float) -> Axis:
    """Shares from zero to a round end that holds `most`."""
    step = next(s for s in (0.01, 0.02, 0.05, 0.1, 0.25) if most <= 5 * s or s == 0.25)
    return Axis.share(label, 0.0, max(step, ceil(most / step - 1e-9) * step), step)


def _styled(found: NextProductEvaluation) -> list[tuple[str, str]]:
    """Methods and their classes; ours last, so that it lies on top."""
    pairs = styles(list(found.recall))
    return [*((name, pairs[name]) for name in pairs if name != OURS), (OURS, pairs[OURS])]
