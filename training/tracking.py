"""MLflow: its store, runs and models; its only importer.

MLflow takes seconds to import and costs memory, so it is imported when a `Tracking` is
opened.
"""

import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from features.errors import RegistryError, shown
from features.settings import Settings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

NAME: Final = "regulars"
"""The experiment, and the registered model."""

BUNDLE: Final = "bundle"
"""The name of the folder in which a bundle lies in a logged model."""

LONGEST_VALUE: Final = 5_000
"""Characters of a tag or parameter, as MLflow keeps them."""

MOST_METRICS: Final = 1_000
"""Metrics that MLflow takes at once."""

_MLFLOW: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # our progress bars say enough
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # a wrong address would be tried for minutes
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
}
"""MLflow's own settings, where the user has not chosen them."""

_LOADER = "training.pyfunc"
_URI_VARIABLE = "MLFLOW_TRACKING_URI"


class TrackingError(RegistryError):
    """MLflow refused something.

    Arguments:
        message: what, why, and the next step.
        code: MLflow's name of the reason.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class _Client:
    """MLflow's client, whose errors are ours."""

    def __init__(self, client: Any, uri: str) -> None:
        self._client = client
        self._uri = uri

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*arguments: Any, **named: Any) -> Any:
            from mlflow.exceptions import MlflowException

            try:
                return method(*arguments, **named)
            except MlflowException as error:
                raise TrackingError(
                    f"the tracking store {self._uri} refused {name}: {_first_line(error)}; "
                    "check that it can be reached and written to, then repeat",
                    error.error_code,
                ) from error

        return call


def tracking_uri(settings: Settings) -> str:
    """Where MLflow keeps its records: `MLFLOW_TRACKING_URI`, else the SQLite file."""
    return os.environ.get(_URI_VARIABLE) or settings.tracking_uri


class Run:
    """One MLflow run, written to explicitly: there is no active run behind the scenes."""

    def __init__(self, tracking: "Tracking", run_id: str) -> None:
        self._tracking = tracking
        self._client = tracking.client
        self.id = run_id

    def parameters(self, values: Mapping[str, object]) -> None:
        """Log parameters; nested mappings are written with dots."""
        entity = self._tracking.mlflow.entities.Param
        params = [entity(name, text[:LONGEST_VALUE]) for name, text in _flat(values)]
        self._client.log_batch(self.id, params=params)

    def metrics(self, values: Mapping[str, float], model_id: str | None = None) -> None:
        """Log metrics, of a logged model where one is named; see `metric_name`."""
        entity, now = self._tracking.mlflow.entities.Metric, int(time.time() * 1000)
        metrics = [
            entity(metric_name(name), float(value), now, 0, model_id=model_id)
            for name, value in values.items()
        ]
        self._client.log_batch(self.id, metrics=metrics)

    def points(self, points: Sequence[tuple[str, float, int]]) -> None:
        """Log points of curves: a metric's name, a value and its step."""
        entity, now = self._tracking.mlflow.entities.Metric, int(time.time() * 1000)
        for begin in range(0, len(points), MOST_METRICS):
            some = points[begin : begin + MOST_METRICS]
            metrics = [entity(metric_name(name), value, now, step) for name, value, step in some]
            self._client.log_batch(self.id, metrics=metrics)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        entity = self._tracking.mlflow.entities.RunTag
        tags = [entity(name, text[:LONGEST_VALUE]) for name, text in values.items()]
        self._client.log_batch(self.id, tags=tags)

    def figure(self, figure: "Figure", name: str) -> None:
        """Log a figure as `plots/<name>.png`."""
        self._client.log_figure(self.id, figure, f"plots/{name}.png")

    def folder(self, folder: Path, path: str) -> None:
        """Log a folder's files under an artefact path."""
        self._client.log_artifacts(self.id, str(folder), path)

    def text(self, text: str, path: str) -> None:
        """Log a text file."""
        self._client.log_text(self.id, text, path)


class Tracking:
    """MLflow's store, opened.

    Arguments:
        settings: where the SQLite file and the artefacts lie when no server is set.

    Raises:
        RegistryError: the store cannot be reached.
    """

    def __init__(self, settings: Settings) -> None:
        for name, value in _MLFLOW.items():
            os.environ.setdefault(name, value)
        self.uri = tracking_uri(settings)
        self._artifacts = settings.artifacts
        local = self.uri.startswith("sqlite:///")
        if local:
            settings.data.mkdir(parents=True, exist_ok=True)
        with _quiet():
            import mlflow

            self.mlflow: Any = mlflow
            given = os.environ.get(_URI_VARIABLE)
            mlflow.set_tracking_uri(self.uri)
            if given is None:
                # MLflow writes its address into the environment, where the next `Tracking`
                # would take it for the user's
                os.environ.pop(_URI_VARIABLE, None)
            try:
                self.client: Any = _Client(mlflow.MlflowClient(), self.uri)
                self._experiment = self._experiment_id(local)
            except Exception as error:
                raise RegistryError(
                    f"cannot open the tracking store {self.uri}: "
                    f"{_first_line(error.__cause__ or error)}; "
                    f"check {_URI_VARIABLE}, or unset it to use the SQLite file"
                ) from error

    def _experiment_id(self, local: bool) -> str:
        found = self.client.get_experiment_by_name(NAME)
        if found is not None:
            return str(found.experiment_id)
        location = self._artifacts.absolute().as_uri() if local else None
        return str(self.client.create_experiment(NAME, artifact_location=location))

    @contextmanager
    def run(self, name: str, *, parent: Run | None = None, user: str = "") -> Iterator[Run]:
        """A run that ends with the block: finished, or failed when the block raises."""
        tags = {"mlflow.user": user} if user else {}
        if parent is not None:
            tags["mlflow.parentRunId"] = parent.id
        made = self.client.create_run(self._experiment, run_name=name, tags=tags)
        run = Run(self, str(made.info.run_id))
        try:
            yield run
        except BaseException as error:
            status = "FAILED" if isinstance(error, Exception) else "KILLED"
            # the store may be what broke; the first error says more
            with suppress(RegistryError):
                self.client.set_terminated(run.id, status)
            raise
        self.client.set_terminated(run.id)

    def log_model(
        self, run: Run, bundle: Path, example: "pd.DataFrame", metrics: Mapping[str, float]
    ) -> str:
        """Log a saved bundle as a model that MLflow can load as a pyfunc, and give its id.

        Arguments:
            run: the run that made it; the metrics are logged there too.
            bundle: the bundle's folder; its last part must be `BUNDLE`.
            example: a few rows with feature names as columns, float64; gives the signature.
            metrics: figures of the model.
        """
        with tempfile.TemporaryDirectory(prefix="regulars-") as scratch, _quiet():
            from mlflow.models import ModelSignature
            from mlflow.types import ColSpec, Schema

            folder = Path(scratch) / "model"
            self.mlflow.pyfunc.save_model(
                path=str(folder),
                loader_module=_LOADER,
                data_path=str(bundle),
                signature=ModelSignature(
                    inputs=Schema([ColSpec("double", name) for name in example.columns]),
                    outputs=Schema([ColSpec("double", "churn_probability")]),
                ),
                input_example=example,
                pip_requirements=_requirements(),
            )
            made = self.client.create_logged_model(
                self._experiment, name=NAME, source_run_id=run.id, model_type=BUNDLE
            )
            model_id = str(made.model_id)
            self.client.log_model_artifacts(model_id, str(folder))
            run.metrics(metrics, model_id)
            self.client.finalize_logged_model(model_id, "READY")
        return model_id

    def fetch(self, uri: str, folder: Path) -> Path:
        """Copy artefacts into a folder and give their path there.

        Arguments:
            uri: `runs:/…` or `models:/…`.
            folder: need not exist.

        Raises:
            RegistryError: they are gone or cannot be fetched.
        """
        folder.mkdir(parents=True, exist_ok=True)
        try:
            copied = self.mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=str(folder)
            )
        except (OSError, self.mlflow.exceptions.MlflowException) as error:
            raise RegistryError(
                f"cannot fetch {uri} from {self.uri}: {_first_line(error)}; "
                "check that its artefact store is there"
            ) from error
        return Path(copied)


def metric_name(name: str) -> str:
    """A metric's name as MLflow allows it.

    >>> metric_name("ours.recall@10")
    'ours.recall_at_10'
    """
    return name.replace("@", "_at_")


def _flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)


def _requirements() -> list[str]:
    """What a bundle needs, as installed here; without it MLflow would run a model to find out."""
    from importlib.metadata import version

    names = (
        "implicit",
        "lightgbm",
        "numba",
        "numpy",
        "pandas",
        "pyarrow",
        "pydantic",
        "scikit-learn",
        "scipy",
    )
    return [f"{name}=={version(name)}" for name in names]


def _first_line(error: BaseException) -> str:
    return shown(str(error).strip().partition("\n")[0], limit=200)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings about MLflow's own code from the user; ours still show.

    SQLAlchemy 2.1 deprecates a loader that MLflow's store uses, pandas 3 an operation in
    its saving of the input example, and MLflow warns of a type hint of its own.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*Any type hint is inferred as AnyType")
        yield
