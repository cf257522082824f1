"""A churn report as one page of HTML that needs nothing else: no script, no file, no network."""

from collections.abc import Mapping
from math import isfinite
from pathlib import Path

import jinja2

from features.definitions import FEATURES
from features.instants import iso
from training.intervals import LEVEL, RESAMPLES, Interval
from training.metrics import OURS, lift_by_share
from training.report.charts import charts, styles
from training.report.figures import WORDS, ChurnReport
from training.report.summary import percent, signed, summary
from training.slices import MIN_CUSTOMERS

SHOWN_DRIFTS = 20
"""Features in the table of drift."""

_VERDICTS = {"steady": "steady", "moved": "somewhat different", "another": "quite different"}

_FIGURES = {
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier",
    "log_loss": "log loss",
    "ece": "ECE",
}


def page(report: ChurnReport) -> str:
    """The page; everything that comes from data is escaped."""
    back = report.backtest
    found = back.last.evaluation
    ours_first = [OURS, *report.baselines]
    return (
        environment()
        .get_template("churn.html.j2")
        .render(
            report=report,
            back=back,
            last=back.last,
            horizon=back.last.model.horizon_days_,
            methods=ours_first,
            words=WORDS,
            styles=styles(back.methods),
            charts=charts(report),
            summary=summary(report),
            figures=_FIGURES,
            metrics=found.metrics,
            lifts={name: lift_by_share(found.left, found.predicted[name]) for name in ours_first},
            drifts=report.drifts[:SHOWN_DRIFTS],
            verdicts=_VERDICTS,
            meaning={feature.name: feature.meaning for feature in FEATURES},
            width=(
                float((found.high - found.low).mean())
                if found.low is not None and found.high is not None
                else None
            ),
            min_customers=MIN_CUSTOMERS,
            resamples=RESAMPLES,
            level=percent(LEVEL),
            recipe=flat(report.about.recipe),
            ours=OURS,
        )
    )


def environment() -> jinja2.Environment:
    """Templates of this folder, with the filters that pages use."""
    out = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    out.filters["pct"] = percent
    out.filters["number"] = _number
    out.filters["signed"] = signed
    out.filters["points"] = _points
    out.filters["interval"] = _interval
    out.filters["range"] = _range
    out.filters["day"] = lambda at: iso(at)[:10]
    return out


def _number(value: float, digits: int = 4) -> str:
    return f"{value:,.{digits}f}" if isfinite(value) else "–"


def _points(value: float) -> str:
    """A difference of shares, in percentage points."""
    return signed(100 * value, 1)


def _interval(found: Interval, digits: int = 4) -> str:
    if not isfinite(found.low):
        return "–"
    return f"{found.low:.{digits}f} to {found.high:.{digits}f}".replace("-", "−")


def _range(found: Interval) -> str:
    if not isfinite(found.low):
        return "–"
    return f"{100 * found.low:.0f}–{percent(found.high)}"


def flat(recipe: Mapping[str, object]) -> list[tuple[str, str]]:
    """A recipe's settings as text, in their order."""
    return [(name, str(value)) for name, value in recipe.items()]
