"""The page says what it must, of a shop with a fault planted in it."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import numpy.typing as npt
import pytest

from features.instants import iso
from tests.models.shop import catalog, day, seeded_shop
from training.backtest import Backtest, backtest
from training.metrics import churn_metrics
from training.past import PastRows
from training.recipe import ChurnRecipe
from training.report import About, ChurnReport, churn_report, page
from training.report.summary import summary
from training.trainer import Data

RECIPE = ChurnRecipe(horizon_days=45, instants=3, trees=20, min_history_days=30)
ABOUT = About(
    version=7,
    recipe_name="<my recipe>",
    recipe=RECIPE.model_dump(),
    seed=0,
    fingerprint="f00d",
    trained_until="2024-10-12T00:00:00Z",
    git_commit="abc",
    made_at="2024-10-13T00:00:00Z",
)
ATLANTIS = "<b>Atlantis</b>"


def from_atlantis(places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Two in four, of those who stay and of those who leave."""
    return places // 2 % 2 == 0


class TwoCountries(Data):
    """Half of the customers are from Atlantis."""

    def countries(self, at: int) -> npt.NDArray[np.str_]:  # noqa: ARG002 - as of any instant
        here = from_atlantis(np.arange(len(self.timelines)))
        return np.where(here, ATLANTIS, "Utopia")


@pytest.fixture(scope="module")
def past() -> PastRows:
    return PastRows(seeded_shop(), catalog(30), 45)


@pytest.fixture(scope="module")
def tested(past: PastRows) -> Backtest:
    return backtest(past, RECIPE, day(300), threads=1)


def reported(past: PastRows, tested: Backtest) -> ChurnReport:
    data = TwoCountries(past.timelines, past.catalog, "f00d", day(360))
    return churn_report(tested, data, past.orders, ABOUT)


def planted(tested: Backtest, fault: float) -> Backtest:
    """A model with bands that is right on average, but says more of Atlantis than is true."""
    last = tested.last
    left, said = last.evaluation.left, last.evaluation.predicted["ours"]
    half = said > np.median(said)
    ours = np.where(half, left[half].mean(), left[~half].mean())
    ours[from_atlantis(last.rows.customer)] += fault
    ours = np.clip(ours, 0, 0.99)
    found = replace(
        last.evaluation,
        predicted={**last.evaluation.predicted, "ours": ours},
        band=half.astype(np.int64),
        bands=("low", "high"),
        low=ours - 0.05,
        high=ours + 0.05,
    )
    return replace(tested, tests=(*tested.tests[:-1], replace(last, evaluation=found)))


class Read(HTMLParser):
    """What a browser would see: tags that are open, and counts."""

    VOID = frozenset({"meta", "br", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.rows: list[tuple[str, str]] = []
        self._row: tuple[str, list[str]] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self._row = (dict(attrs).get("class") or "", [])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_data(self, data: str) -> None:
        if self._row is not None:
            self._row[1].append(data.strip())

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "tr" and self._row is not None:
            self.rows.append((self._row[0], " ".join(part for part in self._row[1] if part)))
            self._row = None


@pytest.fixture(scope="module")
def wrong(past: PastRows, tested: Backtest) -> ChurnReport:
    return reported(past, planted(tested, 0.3))


@pytest.fixture(scope="module")
def html(wrong: ChurnReport) -> str:
    return page(wrong)


def test_a_slice_that_is_called_too_high_is_marked_and_said(wrong: ChurnReport, html: str) -> None:
    (marked,) = [each for each in wrong.miscalibrated if each.name == ATLANTIS]
    assert marked.difference.value > 0.1
    row = next(row for row in Read(html).rows if "Atlantis" in row[1])
    assert row[0] == "bad"
    assert row[1].endswith("too high")
    assert any("Atlantis" in sentence for sentence in summary(wrong))


def test_the_same_shop_without_the_fault_is_not_marked(past: PastRows, tested: Backtest) -> None:
    right = reported(past, planted(tested, 0.0))
    assert ATLANTIS not in [each.name for each in right.miscalibrated]


def test_it_begins_with_what_became_of_those_called_high_risk(wrong: ChurnReport) -> None:
    last = wrong.backtest.last
    high = last.evaluation.band == 1
    share = last.evaluation.left[high].mean()
    first = summary(wrong)[0]
    assert first.startswith(f"Of the {high.sum():,} customers we called high risk, ")
    assert f"{100 * share:.0f}\u00a0% did not order again in the 45 days" in first


def test_every_method_stands_beside_ours_everywhere(html: str) -> None:
    rows = [text for _, text in Read(html).rows]
    for name in ("this model", "days since the last order", "purchase model (MBG/NBD)"):
        # figures, the parts of the Brier score, lift, the back-test; ours in no difference
        assert sum(text.startswith(name) for text in rows) >= 4


def test_every_past_cutoff_is_there(wrong: ChurnReport, html: str) -> None:
    rows = [text for _, text in Read(html).rows]
    for test in wrong.backtest.tests:
        figure = f"{test.evaluation.metrics['ours.brier']:.4f}"
        assert any(text.startswith(iso(test.at)[:10]) and figure in text for text in rows)


def test_the_page_stands_alone_and_can_be_read_aloud(html: str) -> None:
    read = Read(html)
    assert read.open == []
    assert not {"script", "img", "link", "iframe", "b>atlantis"} & set(read.counts)
    assert not [a for a in read.attributes if a[1] in ("src", "onload", "onclick")]
    assert all(value.startswith("#") for tag, name, value in read.attributes if name == "href")
    assert "http" not in html
    assert "prefers-color-scheme: dark" in html
    assert read.counts["caption"] == read.counts["table"]
    pictures = [value for tag, name, value in read.attributes if (tag, name) == ("svg", "role")]
    assert len(pictures) == read.counts["title"] - 1  # one is the page's
    assert len(pictures) == 9


def test_what_comes_from_data_is_escaped(html: str) -> None:
    assert ATLANTIS not in html
    assert "&lt;b&gt;Atlantis&lt;/b&gt;" in html
    assert "&lt;my recipe&gt;" in html


def test_the_model_card_says_where_the_model_comes_from(html: str) -> None:
    card = html[html.index('id="card"') :]
    for said in ("f00d", "trees = 20", "lightgbm", "Art. 22", "at least one order", "2024-10-12"):
        assert said in card


def test_no_figure_is_nan(past: PastRows, tested: Backtest, html: str) -> None:
    alone = replace(tested, tests=tested.tests[-1:], notes=("1 of 4 cutoffs: too short",))
    short = page(reported(past, alone))
    assert "1 of 4 cutoffs: too short" in short
    for text in (html, short):
        assert ">nan" not in text


def test_the_figures_are_of_the_same_customers_for_all(wrong: ChurnReport) -> None:
    for method, values in wrong.resampled.scores.items():
        if method != "ours":  # ours was changed afterwards
            metrics = wrong.backtest.last.evaluation.metrics
            assert values["auc"] == pytest.approx(metrics[f"{method}.auc"])


@pytest.mark.parametrize("outcome", [True, False])
def test_a_period_in_which_all_did_the_same_has_a_page_too(
    past: PastRows, tested: Backtest, outcome: bool
) -> None:
    last = tested.last
    left = np.full(len(last.rows.y), outcome)
    metrics = {
        f"{method}.{name}": value
        for method, predicted in last.evaluation.predicted.items()
        for name, value in churn_metrics(left, predicted).items()
    }
    found = replace(last.evaluation, left=left, metrics=metrics)
    alike = replace(tested, tests=(*tested.tests[:-1], replace(last, evaluation=found)))
    html = page(reported(past, alike))
    assert "Model card" in html
    assert ">nan" not in html
