"""Features the slow, obvious way: plain Python over a list of rows, one feature at a time."""

import math
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from features.catalog import Catalog
from features.definitions import Aggregation, Feature, Number
from features.definitions.feature import KEY_LIMIT, SESSION_GAP_MS
from features.events.schema import schema
from features.instants import DAY_MS
from features.reference import Reference
from features.timeline import Timeline

A, N = Aggregation, Number


@dataclass
class Oracle:
    """Evaluates any declared feature of one timeline at one instant."""

    timeline: Timeline
    at: int
    catalog: Catalog
    reference: Reference
    answers: dict[str, float] = field(default_factory=dict)

    def all(self, features: tuple[Feature, ...]) -> list[float]:
        for feature in features:
            self.answers[feature.name] = self.one(feature)
        return [self.answers[feature.name] for feature in features]

    def one(self, feature: Feature) -> float:
        if feature.of is not None:
            top, bottom = (self.answers[name] for name in feature.of)
            return min(feature.scale * top / bottom, feature.most) if bottom else math.nan
        rows = self._rows(feature)
        how = feature.aggregation
        if how in (A.COUNT, A.OPEN):
            count = sum(sign for _, sign in rows)
            return max(count, 0) if how is A.OPEN else count
        if how in (A.DAYS_SINCE_LAST, A.DAYS_SINCE_FIRST):
            ages = [(self.at - int(self.timeline.at[i])) / DAY_MS for i, _ in rows]
            return math.nan if not ages else (min(ages) if how is A.DAYS_SINCE_LAST else max(ages))
        if how in (A.GAP_MEAN, A.GAP_SD, A.GAP_LAST):
            return self._gap(how, [int(self.timeline.at[i]) // DAY_MS for i, _ in rows])
        if how is A.SESSIONS:
            moments = [int(self.timeline.at[i]) for i, _ in rows]
            later = pairwise(moments)
            return bool(moments) + sum(b - a > SESSION_GAP_MS for a, b in later)
        numbers = [(self._number(feature, i), sign, i) for i, sign in rows]
        numbers = [entry for entry in numbers if not math.isnan(entry[0])]
        values = [value for value, _, _ in numbers]
        if how is A.SUM:
            return sum(value * sign for value, sign, _ in numbers)
        if how is A.HOPS:
            return sum(a != b for a, b in pairwise(values))
        if how is A.DAYS_UNTIL:
            ends = [x - (self.at - int(self.timeline.at[i])) / DAY_MS for x, _, i in numbers]
            return min((end for end in ends if end > 0), default=math.nan)
        if how in (A.DISTINCT, A.TOP, A.TOP_SHARE):
            return self._keys(how, [value for value in values if value >= 0], feature.rank)
        if not values:
            return math.nan
        return {
            A.MEAN: lambda: sum(values) / len(values),
            A.MIN: lambda: min(values),
            A.MAX: lambda: max(values),
            A.LAST: lambda: values[-1],
            A.FIRST: lambda: values[0],
        }[how]()

    def _rows(self, feature: Feature) -> list[tuple[int, int]]:
        """Places of the rows that count, oldest first, with +1 or -1."""
        signs = {schema().code(name): 1 for name in feature.events}
        signs |= {schema().code(name): -1 for name in feature.minus}
        rows = []
        seen: Counter[int] = Counter()
        for i in reversed(range(len(self.timeline))):
            at, code = int(self.timeline.at[i]), int(self.timeline.type[i])
            if at >= self.at or self.timeline.known_at[i] > self.at:
                continue
            seen[code] += 1
            if code not in signs or seen[code] > schema().history(code):
                continue
            age = self.at - at
            if feature.window is not None and age > feature.window * DAY_MS:
                continue
            if feature.after and age <= feature.after * DAY_MS:
                continue
            channels = [schema().channels[name] for name in feature.channels]
            if channels and self.timeline.channel[i] not in channels:
                continue
            value = float(self.timeline.value[i])
            if feature.between and not feature.between[0] <= value <= feature.between[1]:
                continue
            rows.append((i, signs[code]))
        return rows[::-1]

    def _number(self, feature: Feature, i: int) -> float:
        row = self.timeline
        if feature.number in (N.VALUE, N.QUANTITY, N.MEASURE):
            return float(getattr(row, feature.number.name.lower())[i])
        if feature.number is N.CHANNEL:
            return float(row.channel[i])
        product = int(row.product[i])
        if product < 0:
            return math.nan
        if feature.number is N.PRODUCT:
            return float(self.catalog.parent[product])
        if feature.number is N.BRAND:
            return float(self.catalog.brand[product])
        category = int(self.catalog.category[product])
        if feature.number is N.CATEGORY:
            return float(category)
        usual = float(self.reference.category_price[category]) if category >= 0 else math.nan
        return float(row.measure[i]) / usual if usual > 0 else math.nan

    @staticmethod
    def _gap(how: Aggregation, days: list[int]) -> float:
        days = sorted(set(days))
        gaps = [b - a for a, b in pairwise(days)]
        if not gaps or (how is A.GAP_SD and len(gaps) < 2):
            return math.nan
        if how is A.GAP_LAST:
            return gaps[-1]
        mean = sum(gaps) / len(gaps)
        if how is A.GAP_MEAN:
            return mean
        return math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps))

    @staticmethod
    def _keys(how: Aggregation, values: list[float], rank: int) -> float:
        kept = list(dict.fromkeys(reversed(values)))[:KEY_LIMIT]
        if how is A.DISTINCT:
            return len(kept)
        if len(kept) < rank:
            return math.nan
        counts = Counter(values)
        best = sorted(kept, key=lambda key: (-counts[key], kept.index(key)))[rank - 1]
        return best if how is A.TOP else counts[best] / len(values)
