"""The report on next products as one page of HTML that needs nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from features.instants import iso
from training.intervals import LEVEL, RESAMPLES
from training.metrics import OURS
from training.next_product import NextProductEvaluation
from training.next_product.groups import COLD_DAYS
from training.next_product.probability import CUSTOMERS as LISTED
from training.report.charts import styles
from training.report.figures import About
from training.report.next_product_charts import charts
from training.report.page import environment, flat
from training.report.summary import percent, signed, within
from training.tracking import Run

NEXT_PRODUCT_PAGE = "report/next_product.html"
"""The page's path among a run's artefacts."""

WORDS: Mapping[str, str] = {
    OURS: "this model",
    "g_topfreq": "bought by most customers (G-TopFreq)",
    "p_topfreq": "one's own most frequent (P-TopFreq)",
    "gp_topfreq": "one's own, then by most (GP-TopFreq)",
    "tifuknn": "own frequencies and similar customers (TIFUKNN)",
    "upcf": "recent own popularity, spread (UP-CF)",
    "neighbours": "bought together (neighbours alone)",
    "als": "taste vectors (ALS alone)",
}
"""What each method is called on the page; a baseline is what anyone could do without us."""


@dataclass(frozen=True)
class NextProductReport:
    """An evaluation, and where the model comes from."""

    about: About
    evaluation: NextProductEvaluation


def log_next_product(run: Run, evaluation: NextProductEvaluation, about: About) -> str:
    """Log the page; gives it."""
    html = next_product_page(NextProductReport(about, evaluation))
    run.text(html, NEXT_PRODUCT_PAGE)
    return html


def next_product_page(report: NextProductReport) -> str:
    """The page; everything that comes from data is escaped."""
    found = report.evaluation
    by_recall = sorted(found.baselines, key=lambda m: -found.metrics[f"{m}.recall@10"])
    return (
        environment()
        .get_template("next_product.html.j2")
        .render(
            about=report.about,
            found=found,
            metrics=found.metrics,
            methods=[OURS, *by_recall],
            baselines=by_recall,
            described="ours.diversity@10" in found.metrics,
            words=WORDS,
            styles=styles(list(found.recall)),
            charts=charts(found),
            summary=list(_summary(found)),
            cold_days=COLD_DAYS,
            listed=min(LISTED, found.customers),
            level=percent(LEVEL),
            resamples=RESAMPLES,
            recipe=flat(report.about.recipe),
            ours=OURS,
        )
    )


def _summary(found: NextProductEvaluation) -> Iterator[str]:
    """The findings in sentences, the most useful first."""
    m, best = found.metrics, found.best_baseline
    when = f"in the {found.horizon_days} days after {iso(found.cutoff)[:10]}"
    yield (
        f"Of {found.customers:,} customers who ordered {when}, {percent(m['ours.phr@10'])} bought "
        f"one of the ten products that this model had put first for them."
    )
    gain = found.intervals[f"less.{best}.recall@10"]
    if gain.low > 0:
        verdict = "more, beyond chance"
    elif gain.high < 0:
        verdict = "less, beyond chance"
    else:
        verdict = "no difference beyond chance"
    yield (
        f"Ten products hold {percent(m['ours.recall@10'], 1)} of what they bought; the best simple "
        f"method, {WORDS.get(best, best)}, holds {percent(m[f'{best}.recall@10'], 1)}: "
        f"{signed(100 * gain.value, 1)} points ({signed(100 * gain.low, 1)} to "
        f"{signed(100 * gain.high, 1)}), {verdict}."
    )
    yield (
        f"Of what they had bought before and bought again, the ten hold "
        f"{percent(m['ours.repeat_recall@10'])}; of what was new to them "
        f"{percent(m['ours.explore_recall@10'], 1)}. Any source proposed "
        f"{percent(m['ours.candidate_recall'])} of all that was bought: no ranking of these "
        "candidates could find more."
    )
    yield (
        f"Of the range {percent(m['ours.coverage@10'])} is shown to anybody. What is shown had "
        f"been bought by {percent(m['ours.popularity@10'], 1)} of the customers on average, "
        f"what they then bought by {percent(m['bought_popularity'], 1)}"
        + (
            ": this model leans to what is popular."
            if m["ours.popularity@10"] > 1.1 * m["bought_popularity"]
            else ": this model does not lean to what is popular."
        )
    )
    if found.ablation:
        needed = [each for each in found.ablation if each.recall.high < 0]
        needed.sort(key=lambda each: each.recall.value)
        idle = len(found.ablation) - len(needed)
        yield (
            (
                "Most is lost without "
                + ", ".join(
                    f"{each.source} ({signed(100 * each.recall.value, 1)} points)"
                    for each in needed[:3]
                )
                if needed
                else "No single source is missed beyond chance"
            )
            + (f"; {idle} of {len(found.ablation)} could be silent unnoticed." if idle else ".")
        )
    said = found.probability
    if said is not None:
        yield (
            f"Its purchase probabilities average {percent(float(said.said.mean()), 1)}, and "
            f"{percent(float(said.bought.mean()), 1)} came true; over ten groups they are off by "
            f"{100 * m['ours.probability_ece']:.1f} points on average."
        )
    new = next((each for each in found.groups if each.group.key == "one_order"), None)
    if new is not None:
        yield (
            f"For the {new.customers:,} customers with one order so far, ten products hold "
            f"{percent(new.recall[OURS].value, 1)} ({within(new.recall[OURS])})."
        )
