"""What a churn report says in sentences, for who decides what to do with the scores."""

from collections.abc import Iterator

import numpy as np

from features.instants import iso
from training.bands import Band
from training.drift import LARGE, SMALL
from training.intervals import Interval
from training.metrics import OURS, gain_curve
from training.report.figures import WORDS, ChurnReport


def percent(value: float, digits: int = 0) -> str:
    r"""A share as it is read.

    >>> percent(0.914)
    '91\xa0%'
    """
    return f"{100 * value:.{digits}f}\u00a0%" if np.isfinite(value) else "–"


def within(interval: Interval) -> str:
    """An interval of a share."""
    return f"{percent(interval.low)} to {percent(interval.high)}"


def signed(value: float, digits: int = 4) -> str:
    """A difference.

    >>> signed(-0.25, 1)
    '−0.2'
    """
    return f"{value:+,.{digits}f}".replace("-", "−") if np.isfinite(value) else "–"


def summary(report: ChurnReport) -> list[str]:
    """The findings, the most useful first."""
    return list(_findings(report))


def _findings(report: ChurnReport) -> Iterator[str]:
    last = report.backtest.last
    found = last.evaluation
    horizon = last.model.horizon_days_
    day = iso(last.at)[:10]
    filled = [band for band in report.bands if band.customers]
    for place, band in enumerate((filled[0], filled[-1]) if len(filled) > 1 else filled):
        when = f" in the {horizon} days after {day}" if not place else ""
        yield (
            f"Of the {band.customers:,} customers {_called(report, band)}, "
            f"{percent(band.observed.value)} did not order again{when} "
            f"(give or take chance {within(band.observed)}; we had said {percent(band.predicted)})."
        )
    n, leavers = len(found.left), int(found.left.sum())
    share = float(gain_curve(found.left, found.predicted[OURS], 6)[1][1])
    fifth = round(n / 5)
    yield (
        f"Whoever writes to the riskiest fifth ({fifth:,} customers) reaches {percent(share)} of "
        f"the {leavers:,} who left, {share / 0.2:.1f} times as many as by chance."
        if leavers
        else "Nobody left in that time."
    )
    yield _season(report)
    yield _better(report)
    yield _fair(report)
    yield _moved(report)


def _called(report: ChurnReport, band: Band) -> str:
    return f"we called {band.name} risk" if report.own_bands else f"with a risk of {band.name}"


def _season(report: ChurnReport) -> str:
    tests = report.backtest.tests
    gaps = [
        float(test.evaluation.predicted[OURS].mean() - test.evaluation.left.mean())
        for test in tests
    ]
    now = tests[-1].evaluation
    out = (
        f"On average we said {percent(float(now.predicted[OURS].mean()), 1)}, and "
        f"{percent(float(now.left.mean()), 1)} came true."
    )
    if len(tests) > 1:
        worst = int(np.argmax(np.abs(gaps)))
        test = tests[worst].evaluation
        out += (
            f" Over {len(tests)} past cutoffs the average was wrong by "
            f"{100 * float(np.mean(np.abs(gaps))):.1f} points; worst after "
            f"{iso(tests[worst].at)[:10]}: {percent(float(test.predicted[OURS].mean()))} said, "
            f"{percent(float(test.left.mean()))} true."
        )
    return out


def _better(report: ChurnReport) -> str:
    best, back = report.best_baseline, report.backtest
    auc = report.resampled.interval(OURS, "auc").value
    theirs = report.resampled.interval(best, "auc").value
    gain = report.resampled.difference(OURS, best, "brier")
    if gain.high < 0:
        verdict = "smaller, beyond chance,"
    elif gain.low > 0:
        verdict = "larger, beyond chance,"
    else:
        verdict = "no different beyond chance"
    ours, other = (float(back.figure(name, "brier").mean()) for name in (OURS, best))
    out = (
        f"Of a customer who left and one who stayed, it ranks {100 * auc:.0f} of 100 such pairs "
        f"right; the best simple rule, {WORDS.get(best, best)}, {100 * theirs:.0f}. Our squared "
        f"error is {verdict} at the last cutoff ({signed(gain.value)})"
    )
    if len(back.tests) > 1:
        word = "smaller" if ours < other else "larger"
        out += f", and {word} on average over all cutoffs ({ours:.4f} against {other:.4f})"
    return out + "."


def _fair(report: ChurnReport) -> str:
    judged = sum(each.judged for each in report.slices)
    if not report.miscalibrated:
        return f"None of {judged} kinds of customers is called too high or too low beyond chance."
    named = "; ".join(
        f"{each.name} ({each.kind}): {percent(each.predicted)} said, "
        f"{percent(each.observed.value)} true"
        for each in report.miscalibrated[:3]
    )
    return (
        f"{len(report.miscalibrated)} of {judged} kinds of customers are called too high or too "
        f"low beyond chance (one in twenty would be, by chance): {named}."
    )


def _moved(report: ChurnReport) -> str:
    far = [each for each in report.drifts if each.stability >= LARGE]
    some = [each for each in report.drifts if SMALL <= each.stability < LARGE]
    return (
        f"Against what it was trained on, {len(far)} of {len(report.drifts)} features are spread "
        f"quite differently and {len(some)} somewhat; the score itself has "
        + {"steady": "hardly moved", "moved": "moved somewhat", "another": "moved far"}[
            report.score_drift.verdict
        ]
        + f" ({report.score_drift.stability:.2f})."
    )
