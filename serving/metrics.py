"""What the last monitoring found, as Prometheus reads it.

`python -m training monitor` writes a file; it is read again when it has changed, and nothing of
training is imported.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format."""

GAUGES: Mapping[str, str] = {
    "regulars_monitoring_timestamp_seconds": "When the last monitoring ran, Unix time.",
    "regulars_monitoring_status": "Of the version that serves: 0 ok, 1 warning, 2 alert.",
    "regulars_churn_promised_auc": "What the version's evaluation found.",
    "regulars_churn_realised_auc": "Of the last week whose horizons have passed.",
    "regulars_churn_realised_auc_low": "Lower end of its 95 % interval.",
    "regulars_churn_realised_auc_high": "Upper end of its 95 % interval.",
    "regulars_churn_calibration_difference": "Churn predicted less churn that came, that week.",
    "regulars_churn_calibration_difference_low": "Lower end of its 95 % interval.",
    "regulars_churn_calibration_difference_high": "Upper end of its 95 % interval.",
    "regulars_churn_calibration_error": "Expected calibration error of that week.",
    "regulars_churn_brier": "Brier score of that week.",
    "regulars_churn_judged_customers": "Customers of that week.",
    "regulars_churn_psi": "Population stability index of the last day, of score or feature.",
    "regulars_churn_psi_by_chance": "What an index of so few customers stays below by chance.",
}
"""Every metric's name and meaning."""

_OF_WEEK = {
    "regulars_churn_realised_auc": "auc",
    "regulars_churn_realised_auc_low": "auc_low",
    "regulars_churn_realised_auc_high": "auc_high",
    "regulars_churn_calibration_difference": "difference",
    "regulars_churn_calibration_difference_low": "difference_low",
    "regulars_churn_calibration_difference_high": "difference_high",
    "regulars_churn_calibration_error": "ece",
    "regulars_churn_brier": "brier",
    "regulars_churn_judged_customers": "customers",
}

Sample = tuple[str, Mapping[str, str], float | None]
"""A metric's name, its labels and its value; None where it is undefined."""


class Monitoring:
    """What a file of the last monitoring says.

    Arguments:
        path: the file, which need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = (0, 0)
        self._samples: tuple[Sample, ...] = ()

    def text(self) -> str:
        """The gauges in Prometheus' text format; empty before the first monitoring."""
        self._look()
        lines: list[str] = []
        for name, meaning in GAUGES.items():
            mine = [(labels, x) for of, labels, x in self._samples if of == name and x is not None]
            if mine:
                lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
                lines += [f"{name}{_labelled(labels)} {value!r}" for labels, value in mine]
        return "".join(f"{line}\n" for line in lines)

    def _look(self) -> None:
        """Read the file if it has changed; what cannot be read leaves what was known."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._samples = tuple(_samples(json.loads(self._path.read_text("utf-8"))))
        except FileNotFoundError:
            self._stamp, self._samples = (0, 0), ()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.error("the last monitoring cannot be read", file=self._path.name, exc_info=error)


def _samples(told: Mapping[str, Any]) -> Iterator[Sample]:
    yield "regulars_monitoring_timestamp_seconds", {}, told["at"] / 1000
    yield "regulars_monitoring_status", {"version": told["version"]}, float(told["status"])
    for version, found in told["versions"].items():
        labels = {"version": version}
        yield "regulars_churn_promised_auc", labels, found["promised_auc"]
        if found["week"] is not None:
            for name, figure in _OF_WEEK.items():
                yield name, labels, found["week"][figure]
        if found["day"] is not None:
            yield "regulars_churn_psi_by_chance", labels, found["day"]["chance"]
            for of, index in found["day"]["stability"].items():
                yield "regulars_churn_psi", labels | {"of": of}, index


def _labelled(labels: Mapping[str, str]) -> str:
    """Labels as the text format writes them.

    >>> _labelled({"version": "7", "of": "score"})
    '{version="7",of="score"}'
    """
    escapes = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    told = ",".join(f'{name}="{value.translate(escapes)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""
