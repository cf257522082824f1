"""The declared features a model was trained on, by their names."""

from functools import cache

from features.definitions import FEATURES, Feature
from features.errors import BundleError


@cache
def features_named(names: tuple[str, ...]) -> tuple[Feature, ...]:
    """Declared features by name, in this order.

    Raises:
        BundleError: one of them is no longer declared.
    """
    declared = {feature.name: feature for feature in FEATURES}
    for name in names:
        if name not in declared:
            raise BundleError(
                f"the model needs the feature {name}, which features/definitions does not "
                "declare any more; train again"
            )
    return tuple(declared[name] for name in names)


@cache
def with_terms(names: tuple[str, ...]) -> tuple[Feature, ...]:
    """As `features_named`, each ratio after the features that it is of, as the kernel asks."""
    out: dict[str, Feature] = {}
    for feature in features_named(names):
        out |= {each.name: each for each in with_terms(feature.of or ())}
        out[feature.name] = feature
    return tuple(out.values())
