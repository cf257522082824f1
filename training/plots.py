"""The figures of an evaluation, drawn without pyplot: no global state, no window.

Each function gives a `matplotlib.figure.Figure`. Ours is drawn in one strong colour, every
baseline in a quiet one, and each axis says its unit.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from models import reasons
from models.personas import Personas
from models.personas.traits import BY_FEATURE
from training import metrics
from training.intervals import wilson
from training.metrics import OURS
from training.realised import Week

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_STRONG = "#0f6b5c"
_QUIET = ("#c8742b", "#5a76a8", "#9a6fb0", "#8a8f98", "#b5a642", "#7d5a50", "#c05c7e")
_INK = "#22303a"
_PALE = "#dfe5e8"
_DPI = 144


def reliability(left: Flags, predicted: Mapping[str, Floats]) -> Figure:
    """Predicted against observed churn, in bins of equally many customers.

    Bars are 95 % Wilson intervals of ours; the lower panel shows how the predictions spread.

    Arguments:
        left: who placed no order in the horizon, shape (customers,).
        predicted: probability of that by method, each of shape (customers,).
    """
    figure, (axes, spread) = _grid("Calibration of the churn probability", 2, 1, (6.4, 7.0), (4, 1))
    axes.plot([0, 1], [0, 1], color=_INK, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
    for name, colour in _colours(predicted):
        mean, rate, count = metrics.reliability(left, predicted[name])
        if name == OURS:
            low, high = wilson(rate, count)
            bars = np.maximum(np.stack([rate - low, high - rate]), 0)
            axes.errorbar(mean, rate, bars, color=colour, linewidth=0, elinewidth=1.2, capsize=3)
        axes.plot(mean, rate, **_line(name, colour), marker="o", markersize=4.5)
    axes.set(ylabel="observed share without an order", xlim=(0, 1), ylim=(0, 1.02))
    _percent(axes, "xy")
    axes.legend(frameon=False, loc="upper left")
    for name, colour in _colours(predicted):
        if name == OURS:
            spread.hist(
                predicted[name], bins=np.linspace(0, 1, 41).tolist(), color=colour, alpha=0.85
            )
    spread.set(xlabel="predicted probability of no order in the horizon", ylabel="customers")
    spread.set_xlim(0, 1)
    spread.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    _percent(spread, "x")
    return figure


def gain_and_lift(left: Flags, predicted: Mapping[str, Floats]) -> Figure:
    """Share of the leavers reached by contacting the riskiest first, and lift by decile.

    Arguments: as for `reliability`.
    """
    figure, (gain, lift) = _grid("Who leaves, riskiest customers first", 1, 2, (11.0, 4.8))
    base = float(left.mean()) if len(left) else 0.0
    gain.plot([0, base, 1], [0, 1, 1], color=_INK, linewidth=1)
    gain.annotate(
        "best possible",
        (min(base, 0.9), 1.0),
        xytext=(6, -14),
        textcoords="offset points",
        color=_INK,
        fontsize=9,
    )
    gain.plot([0, 1], [0, 1], color=_INK, linewidth=1, linestyle=(0, (4, 3)), label="at random")
    for name, colour in _colours(predicted):
        gain.plot(*metrics.gain_curve(left, predicted[name]), **_line(name, colour))
    gain.set(xlabel="customers contacted, riskiest first", ylabel="share of the leavers reached")
    gain.set(xlim=(0, 1), ylim=(0, 1.02))
    _percent(gain, "xy")
    gain.legend(frameon=False, loc="lower right")

    deciles = np.arange(1, 11)
    lift.axhline(1, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
    for name, colour in _colours(predicted):
        values = metrics.lift_by_share(left, predicted[name])
        if name == OURS:
            lift.bar(deciles, values, color=colour, width=0.7, alpha=0.9, label=_label(name))
        else:
            lift.plot(deciles, values, **_line(name, colour), marker="o", markersize=4)
    lift.set(xlabel="tenth of the customers, riskiest first", ylabel="churn rate / average rate")
    lift.set_xticks(deciles)
    return figure


def deciles(true: Floats, predicted: Mapping[str, Floats], what: str) -> Figure:
    """Mean forecast and mean of what came of each tenth of the customers, lowest forecast first.

    Arguments:
        true: what came, shape (customers,).
        predicted: forecasts by method, each of shape (customers,).
        what: "orders" or "spend", for the title and the axes.
    """
    figure, (axes,) = _grid(f"Calibration of expected {what}", 1, 1, (6.4, 5.2))
    most = 0.0
    for name, colour in _colours(predicted):
        told, came, _ = metrics.deciles(true, predicted[name])
        axes.plot(told, came, **_line(name, colour), marker="o", markersize=4.5)
        if name == OURS:
            most = max(float(told.max()), float(came.max()))
    axes.axline((0, 0), slope=1, color=_INK, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
    axes.set(xlabel=f"expected {what}, mean of a tenth", ylabel=f"{what} that came, mean")
    axes.set_xlim(0, most * 1.1 or 1)
    axes.set_ylim(0, most * 1.1 or 1)
    axes.legend(frameon=False, loc="upper left")
    return figure


def importance(gains: Mapping[str, float], title: str, top: int = 20) -> Figure:
    """The features that the trees gained most from.

    Arguments:
        gains: total gain by feature name, any unit; shown as a share of the whole.
        title: what was learned.
        top: how many features are shown.
    """
    whole = sum(gains.values()) or 1.0
    chosen = sorted(gains.items(), key=lambda item: (-item[1], item[0]))[:top][::-1]
    families = sorted({name.split("_")[0] for name, _ in chosen})
    palette = dict(zip(families, (_STRONG, *_QUIET) * (1 + len(families) // 8), strict=False))
    figure, (axes,) = _grid(title, 1, 1, (8.0, 0.8 + 0.28 * max(len(chosen), 4)))
    names = [name for name, _ in chosen]
    shares = np.array([gain / whole for _, gain in chosen])
    axes.barh(names, shares, color=[palette[name.split("_")[0]] for name in names], height=0.72)
    for place, share in enumerate(shares):
        axes.annotate(
            f"{share:.1%}",
            (share, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=_INK,
        )
    axes.set(xlabel="share of the total gain", xlim=(0, float(shares.max(initial=0.01)) * 1.15))
    axes.grid(visible=False, axis="y")
    axes.margins(y=0.02)
    _percent(axes, "x")
    return figure


def recall_at_k(recall: Mapping[str, Floats]) -> Figure:
    """Recall of the next purchases by the length of the list.

    Arguments:
        recall: mean recall over customers of lists of 1, 2, … products, by method.
    """
    figure, (axes,) = _grid("Next products: recall by length of the list", 1, 1, (7.2, 4.8))
    longest = 1
    for name, colour in _colours(recall):
        longest = max(longest, len(recall[name]))
        ks = np.arange(1, len(recall[name]) + 1)
        axes.plot(ks, recall[name], **_line(name, colour), marker="o", markersize=3.5)
    axes.set(xlabel="products recommended (k)", ylabel="recall: share of what was then bought")
    axes.set_ylim(bottom=0)
    axes.set_xticks([1, *range(5, longest + 1, 5)])
    _percent(axes, "y")
    axes.legend(frameon=False, loc="upper left")
    return figure


def monitoring(weeks: Sequence[Week], promised_auc: float | None) -> Figure:
    """What one version predicted week by week, beside what happened.

    Arguments:
        weeks: oldest first.
        promised_auc: of the version's evaluation.
    """
    figure, (rate, auc) = _grid("Served churn probabilities, judged", 2, 1, (8.0, 6.4))
    place = np.arange(len(weeks))
    predicted = np.array([week.mean_predicted for week in weeks])
    low, high = (
        predicted - np.array([getattr(week, name) for week in weeks])
        for name in ("difference_high", "difference_low")
    )
    rate.fill_between(place, low, high, color=_PALE, label="happened, 95 % interval")
    rate.plot(
        place, [week.observed for week in weeks], color=_QUIET[0], marker="o", label="happened"
    )
    rate.plot(place, predicted, color=_STRONG, linewidth=2.4, label="predicted")
    rate.set(ylabel="share without an order")
    _percent(rate, "y")
    low, high = (
        np.array([getattr(week, name) for week in weeks]) for name in ("auc_low", "auc_high")
    )
    auc.fill_between(place, low, high, color=_PALE, label="95 % interval")
    auc.plot(place, [week.auc for week in weeks], color=_STRONG, marker="o", label="realised")
    if promised_auc is not None:
        auc.axhline(promised_auc, color=_INK, linestyle=(0, (4, 3)), linewidth=1, label="promised")
    auc.set(ylabel="AUC", xlabel="ISO week")
    for axes in (rate, auc):
        some = place[:: 1 + len(weeks) // 10]
        axes.set_xticks(some, [weeks[n].name for n in some])
        axes.legend(frameon=False)
    return figure


def personas(found: Personas) -> Figure:
    """What sets each persona apart: its distance from all customers, by trait.

    Arguments:
        found: the personas; each field is coloured by standard deviations and says the figure.
    """
    names, people = found.feature_names_, found.personas_
    size = 4.0 + 2.0 * len(people), 2.2 + 0.42 * len(names)
    figure, (axes,) = _grid("Personas: what sets them apart", 1, 1, size)
    apart = np.array([[each.apart[name] for each in people] for name in names])
    shown = axes.imshow(apart, cmap="BrBG", vmin=-2, vmax=2, aspect="auto")
    for row, name in enumerate(names):
        for column, each in enumerate(people):
            axes.annotate(
                _with_unit(name, each.figures),
                (column, row),
                ha="center",
                va="center",
                fontsize=9,
                color="white" if abs(apart[row, column]) > 1.2 else _INK,
            )
    labels = [f"{each.name}\n{each.key}, {each.share:.0%}" for each in people]
    axes.set_xticks(range(len(people)), labels)
    everybody = [f"{name} ({_with_unit(name, found.everybody_)})" for name in names]
    axes.set_yticks(range(len(names)), everybody)
    axes.set_xlabel("median or mean of a persona; in brackets, of all customers")
    axes.grid(visible=False)
    figure.colorbar(shown, ax=axes, label="standard deviations")
    return figure


def _with_unit(feature: str, figures: Mapping[str, float]) -> str:
    return reasons.figure(figures.get(feature, float("nan")), BY_FEATURE[feature].unit)


def _grid(
    title: str,
    rows: int,
    columns: int,
    size: tuple[float, float],
    heights: Sequence[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained", facecolor="white")
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold", color=_INK)
    grid = figure.subplots(rows, columns, squeeze=False, height_ratios=heights)
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(_PALE)
        axes.tick_params(color=_PALE, labelcolor=_INK, labelsize=9)
        axes.xaxis.label.set_color(_INK)
        axes.yaxis.label.set_color(_INK)
        axes.grid(visible=True, color=_PALE, linewidth=0.7)
        axes.set_axisbelow(True)
    return figure, list(grid.flat)


def _colours(methods: Mapping[str, object]) -> list[tuple[str, str]]:
    """Method and colour; ours last, so that it lies on top."""
    others = [name for name in methods if name != OURS]
    quiet = [(name, _QUIET[place % len(_QUIET)]) for place, name in enumerate(others)]
    return quiet + [(name, _STRONG) for name in methods if name == OURS]


def _line(name: str, colour: str) -> dict[str, Any]:
    ours = name == OURS
    return {
        "color": colour,
        "linewidth": 2.4 if ours else 1.3,
        "label": _label(name),
        "zorder": 3 if ours else 2,
    }


def _label(name: str) -> str:
    return name.replace("_", " ")


def _percent(axes: Axes, which: str) -> None:
    for letter in which:
        axis = axes.xaxis if letter == "x" else axes.yaxis
        axis.set_major_formatter(PercentFormatter(1, decimals=None))
