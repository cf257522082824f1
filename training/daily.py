"""The daily monitoring: everything fetched, judged, recorded in MLflow and written for /metrics."""

import tempfile
from pathlib import Path

from features.events.log import EventLog
from features.events.served import Served
from features.identity import FOREVER
from features.links import owners
from features.settings import Settings
from training.alerts import Rule
from training.fit import Progress
from training.monitor import Monitoring, monitor, record, write
from training.places import consent_rules, now, registry_of, served_bundle
from training.provenance import user
from training.publish import pointed
from training.trainer import Data


def daily(settings: Settings, log: EventLog, progress: Progress) -> Monitoring:
    """Judge what was served beside a log, and leave what was found where people look.

    Raises:
        NotEnoughDataError: nothing was served yet.
        RegistryError: MLflow cannot be written.
        StorageError: the log cannot be read, or the disk is full.
    """
    serving = pointed(settings.bundles)
    with tempfile.TemporaryDirectory(prefix="regulars-") as scratch:
        progress("timelines", 0, 1)
        data = Data.of(log, consent_rules(settings))
        progress("timelines", 1, 1)
        found = monitor(
            data,
            Served.beside(log.path, log.erasures, threads=settings.threads),
            owners(log, FOREVER - 1),
            lambda version: served_bundle(settings, version, Path(scratch) / version),
            Rule.of(settings),
            serving=None if serving is None else str(serving),
            seed=settings.seed,
            threads=settings.threads,
            progress=progress,
        )
        with registry_of(settings).tracking.run("monitor", user=user()) as run:
            record(run, found)
    write(found, settings.monitoring, now())
    return found
