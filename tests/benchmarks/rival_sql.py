"""The declared features as a shop would write them in DuckDB SQL and in Polars.

Only features that are plain aggregates over filtered rows take part: for gaps, sessions and
hops the rivals would need window functions first, which would only slow them down.
"""

import polars as pl

from features.definitions import FEATURES, Aggregation, Feature, Number
from features.events.schema import schema
from features.instants import DAY_MS

A = Aggregation
PLAIN = {
    A.COUNT,
    A.SUM,
    A.MEAN,
    A.MIN,
    A.MAX,
    A.LAST,
    A.FIRST,
    A.DAYS_SINCE_LAST,
    A.DAYS_SINCE_FIRST,
    A.DISTINCT,
}
COLUMN = {
    Number.VALUE: "value",
    Number.QUANTITY: "quantity",
    Number.MEASURE: "measure",
    Number.CHANNEL: "channel",
    Number.CATEGORY: "category",
    Number.BRAND: "brand",
    Number.PRODUCT: "product",
}


def comparable() -> tuple[Feature, ...]:
    """The features that take part; products are left out of DISTINCT, being bounded in ours."""
    return tuple(
        f
        for f in FEATURES
        if f.aggregation in PLAIN
        and not f.minus
        and not (f.aggregation is A.DISTINCT and f.number is Number.PRODUCT)
        and (f.number in COLUMN or f.number is Number.ONE)
    )


def sql(features: tuple[Feature, ...], at: int, table: str = "rows") -> str:
    """One grouped query for all features of all customers at an instant."""
    select = ",\n".join(f"{_sql(f, at)} AS {f.name}" for f in features)
    known = f"moment < {at} AND known_at <= {at}"
    return f"SELECT customer, {select} FROM {table} WHERE {known} GROUP BY customer"


def _sql(feature: Feature, at: int) -> str:
    codes = ", ".join(str(schema().code(name)) for name in feature.events)
    tests = [f"type IN ({codes})"]
    if feature.window is not None:
        tests.append(f"moment >= {at - feature.window * DAY_MS}")
    if feature.after:
        tests.append(f"moment < {at - feature.after * DAY_MS}")
    if feature.channels:
        channels = ", ".join(str(schema().channels[name]) for name in feature.channels)
        tests.append(f"channel IN ({channels})")
    if feature.between:
        tests.append(f"value BETWEEN {feature.between[0]} AND {feature.between[1]}")
    how, column = feature.aggregation, COLUMN.get(feature.number, "")
    call = {
        A.COUNT: "count(*)",
        A.SUM: f"sum({column})",
        A.MEAN: f"avg({column})",
        A.MIN: f"min({column})",
        A.MAX: f"max({column})",
        A.LAST: f"arg_max({column}, moment)",
        A.FIRST: f"arg_min({column}, moment)",
        A.DAYS_SINCE_LAST: "max(moment)",
        A.DAYS_SINCE_FIRST: "min(moment)",
        A.DISTINCT: f"count(DISTINCT {column})",
    }[how]
    call = f"{call} FILTER (WHERE {' AND '.join(tests)})"
    return f"({at} - {call}) / {DAY_MS}.0" if "SINCE" in how.name else call


def expressions(features: tuple[Feature, ...], at: int) -> list[pl.Expr]:
    """The same as Polars expressions for `group_by("customer").agg`."""
    return [_expression(feature, at).alias(feature.name) for feature in features]


def _expression(feature: Feature, at: int) -> pl.Expr:
    test = pl.col("type").is_in([schema().code(name) for name in feature.events])
    if feature.window is not None:
        test &= pl.col("moment") >= at - feature.window * DAY_MS
    if feature.after:
        test &= pl.col("moment") < at - feature.after * DAY_MS
    if feature.channels:
        test &= pl.col("channel").is_in([schema().channels[name] for name in feature.channels])
    if feature.between:
        test &= pl.col("value").is_between(*feature.between)
    how = feature.aggregation
    if how is A.COUNT:
        return test.sum()
    moments = pl.col("moment").filter(test)
    if how is A.DAYS_SINCE_LAST:
        return (at - moments.max()) / DAY_MS
    if how is A.DAYS_SINCE_FIRST:
        return (at - moments.min()) / DAY_MS
    values = pl.col(COLUMN[feature.number]).filter(test)
    if how is A.LAST:
        return values.get(moments.arg_max(), null_on_oob=True)
    if how is A.FIRST:
        return values.get(moments.arg_min(), null_on_oob=True)
    return {
        A.SUM: values.sum,
        A.MEAN: values.mean,
        A.MIN: values.min,
        A.MAX: values.max,
        A.DISTINCT: values.drop_nulls().n_unique,
    }[how]()
