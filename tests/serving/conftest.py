"""A service in the test's own process and time, and a small trained bundle to answer from."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import structlog
from anyio.from_thread import BlockingPortal, start_blocking_portal

from features.catalog import Catalog, Product
from features.columns import ProductId
from features.compute import matrix
from features.definitions import FEATURES
from features.events.schema import schema
from features.instants import DAY_MS, instant
from features.reference import Reference
from features.timeline import ROW, Timeline, Timelines
from models.bundle import Bundle
from models.churn import ChurnModel
from models.next_product import NextProductModel, Period
from models.offers import Offers
from models.personas import Personas
from models.value import ValueModel
from serving import logs
from serving.app import create_app
from serving.scopes import Scope
from serving.service import Service
from serving.settings import ServingSettings
from tests.keys import BEARER, bearer, put_key
from tests.models import planted

NOON = instant("2011-09-10T12:00:00Z")
"""When the tests begin."""

TRAINED_AT = instant("2011-09-01")
HORIZON_DAYS = 30

OFFERS = """
margin = 0.3
[[offers]]
id = "free-delivery"
title = "Free delivery"
channels = ["web"]
eligible = ["purchase_orders_life >= 1"]
cost = { fixed = 0.01 }
effect = 0.5
"""


class TestClock:
    """A clock that stands still until it is told to move."""

    __test__ = False

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now

    def advance(self, *, minutes: float) -> None:
        self.now += int(minutes * 60_000)


class Client:
    """Calls a running application as HTTP does, without a socket, as an admin if not told else."""

    def __init__(
        self, portal: BlockingPortal, app: Any, headers: Mapping[str, str] = BEARER
    ) -> None:
        self._portal = portal
        self.app = app
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://regulars", headers=headers
        )

    def let_in(self) -> "Client":
        """This client, now that the application knows the admin's key."""
        put_key(self.service.store)
        self.service.keys.refresh()
        return self

    def without_key(self) -> "Client":
        """The same application, called by nobody in particular."""
        return Client(self._portal, self.app, {})

    def holding(self, secret: str) -> "Client":
        """The same application, called with this key."""
        return Client(self._portal, self.app, bearer(secret))

    def keyed(self, *scopes: Scope, name: str = "someone", secret: str = "") -> "Client":
        """The same application, called with a new key of these scopes."""
        secret = secret or f"rgl_{'-'.join(scopes)}_{name}"
        put_key(self.service.store, secret, name=name, scopes=scopes)
        self.service.keys.refresh()
        return self.holding(secret)

    @property
    def service(self) -> Service:
        return self.app.state.service

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            return await self._http.request(method, url, **more)

        return self._portal.call(call)

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self.request("GET", url, **more)

    def post(self, url: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.request("POST", url, **({"json": body} if body is not None else {}), **more)

    def track(self, event: str, message_id: str, **fields: Any) -> httpx.Response:
        """Sends one event; what is not an id or a time goes into its properties."""
        envelope = {"userId", "anonymousId", "timestamp", "context"}
        message = {name: value for name, value in fields.items() if name in envelope}
        properties = {name: value for name, value in fields.items() if name not in envelope}
        body = {"event": event, "messageId": message_id, "properties": properties, **message}
        return self.post("/v1/track", body)

    def recommend(self, **body: Any) -> dict[str, Any]:
        answer = self.post("/v1/recommendations", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def shown(self, **body: Any) -> list[str]:
        return [item["product_id"] for item in self.recommend(**body)["items"]]

    def run_timers(self) -> None:
        self.service.timers.run_due()


@pytest.fixture(autouse=True, scope="session")
def quiet() -> Iterator[None]:
    """Logs as in production, but not fixed to one test's output."""
    logs.configure("debug", cache=False)
    yield
    structlog.reset_defaults()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> ServingSettings:
    """SQLite; PostgreSQL where a test's parameter of this name says so."""
    on_postgresql = getattr(request, "param", "sqlite") == "postgresql"
    return ServingSettings(
        data=tmp_path / "data",
        store=request.getfixturevalue("postgres").database() if on_postgresql else "",
        # the tests look by themselves, at the moment they choose
        champion_seconds=3600,
        timers_seconds=3600,
        busy_seconds=0.5,
    )


@pytest.fixture
def start(settings: ServingSettings, clock: TestClock) -> Iterator[Callable[..., Client]]:
    """Starts the service on the same data, as often as wanted, with other settings if given."""
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())

        def started(**changed: Any) -> Client:
            app = create_app(settings.model_copy(update=changed), clock=clock)
            stack.enter_context(portal.wrap_async_context_manager(app.router.lifespan_context(app)))
            return Client(portal, app).let_in()

        yield started


@pytest.fixture
def client(start: Callable[..., Client]) -> Client:
    """A service without a bundle."""
    return start()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One service, at noon, for tests that keep to customers of their own: starting takes time."""
    settings = ServingSettings(
        data=tmp_path_factory.mktemp("standing"), champion_seconds=3600, timers_seconds=3600
    )
    app = create_app(settings, clock=TestClock())
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
    ):
        yield Client(portal, app).let_in()


@pytest.fixture
def publish(settings: ServingSettings, trained: Path) -> Callable[..., None]:
    """Publishes the trained bundle, as `python -m training promote` does."""

    def published(version: str = "1", *, folder: Path | None = None) -> None:
        settings.bundles.mkdir(parents=True, exist_ok=True)
        target = settings.bundles / version
        if not target.exists():
            target.symlink_to(folder or trained)
        pointer = settings.bundles / "champion.json.new"
        pointer.write_text(json.dumps({"version": version, "path": version}))
        pointer.replace(settings.bundles / "champion.json")

    return published


@pytest.fixture
def trained_client(publish: Callable[..., None], start: Callable[..., Client]) -> Client:
    """A service that answers from the trained bundle."""
    publish()
    return start()


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    kitchen = [("tea", 3.0), ("pot", 12.0), ("cup", 5.0), ("tin", 6.0)]
    garden = [("rake", 15.0), ("hose", 30.0), ("seed", 2.0)]
    return Catalog.of(
        [
            Product(ProductId(name), title=name.title(), category=f"{room} > Things", price=price)
            for room, products in (("Kitchen", kitchen), ("Garden", garden))
            for name, price in products
        ]
        + [Product(ProductId("gone"), title="Gone", price=1.0, available=False)]
    )


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    """A bundle: kitchen people buy kitchen things, garden people garden things; half left."""
    rng = np.random.default_rng(0)
    timelines = Timelines.of(
        [(f"p{i:03}", _shopper(rng, catalog, i % 2 == 0, i % 4 < 2)) for i in range(80)]
    )
    everyone = np.arange(len(timelines))
    cutoff = TRAINED_AT - HORIZON_DAYS * DAY_MS
    at = np.full(len(everyone), cutoff)
    reference = Reference.as_of(timelines, catalog, cutoff)
    features = matrix(timelines, everyone, at, catalog, reference)
    left = np.array([not _orders_between(timelines, i, cutoff, TRAINED_AT) for i in everyone])
    churn = ChurnModel(trees=20, min_rows=5, threads=1).fit(
        features, left, at, [feature.name for feature in FEATURES], HORIZON_DAYS
    )
    spend = np.array([_spent_between(timelines, i, cutoff, TRAINED_AT) for i in everyone])
    value = ValueModel(threads=1).fit(
        features,
        4.0 * ~left,
        spend,
        at,
        [feature.name for feature in FEATURES],
        HORIZON_DAYS,
    )
    buyers = everyone[~left]
    bought = [_orders_between(timelines, i, cutoff, TRAINED_AT) for i in buyers]
    period = Period(
        at=cutoff,
        customers=buyers,
        offsets=np.concatenate([[0], np.cumsum([len(part) for part in bought])]),
        products=np.concatenate(bought).astype(np.int32),
        reference=reference,
    )
    model = NextProductModel(threads=1).fit(timelines, catalog, [period], TRAINED_AT, HORIZON_DAYS)
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "offers.toml").write_text(OFFERS)
    bundle = Bundle(
        catalog,
        Reference.as_of(timelines, catalog, TRAINED_AT),
        churn,
        model,
        Offers.load(folder / "offers.toml"),
        personas=Personas(halvings=4).fit(planted.features(360), planted.NAMES),
        value=value,
    )
    bundle.save(
        folder / "bundle",
        created_at="2011-09-01T00:00:00Z",
        cutoff=TRAINED_AT,
        fingerprint="0123456789abcdef",
    )
    return folder / "bundle"


def _shopper(rng: np.random.Generator, catalog: Catalog, kitchen: bool, stays: bool) -> Timeline:
    wanted = np.arange(0, 4) if kitchen else np.arange(4, 7)
    order, line = schema().code("Order Completed"), schema().code("Order Line")
    rows = []
    for week in range(30 if stays else 20):
        at = TRAINED_AT - (30 - week) * 7 * DAY_MS + int(rng.integers(DAY_MS))
        products = rng.choice(wanted, 2, replace=False)
        prices = catalog.price[products]
        rows.append((at, at, prices.sum(), 2, np.nan, -1, order, 1))
        rows += [(at, at, catalog.price[p], 1, catalog.price[p], p, line, 1) for p in products]
    return Timeline.of(np.array(rows, ROW))


def _orders_between(timelines: Timelines, customer: int, begin: int, end: int) -> list[int]:
    """The products bought, distinct and rising."""
    rows = timelines.customer(customer)
    inside = (rows.at >= begin) & (rows.at < end) & (rows.type == schema().code("Order Line"))
    return sorted({int(product) for product in rows.product[inside]})


def _spent_between(timelines: Timelines, customer: int, begin: int, end: int) -> float:
    rows = timelines.customer(customer)
    inside = (rows.at >= begin) & (rows.at < end) & (rows.type == schema().code("Order Completed"))
    return float(rows.value[inside].sum())
