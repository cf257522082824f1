"""What a customer says, and what binds them, a sentence per story; None without figures."""

from models.reasons.figures import Figures, ago, capital, count, days, number, times


def ratings(of: Figures) -> str | None:
    """How somebody rated what they bought."""
    last, mean = of("experience_rating_last"), of("experience_rating_mean_365d")
    if last is None:
        return None
    told = f"Rated {number(last)} of 5 stars the last time"
    if mean is None or number(mean) == number(last):
        return told
    return f"{told}, {number(mean)} on average in the last year"


def recommends(of: Figures) -> str | None:
    """Whether somebody would recommend the shop."""
    last = of("experience_nps_last")
    return None if last is None else f"Answered {number(last)} of 10 when asked to recommend us"


def tickets(of: Figures) -> str | None:
    """What somebody had to complain about."""
    year, still = of("experience_tickets_365d"), of("experience_open_tickets")
    since = of("experience_ticket_days_since_last")
    if year is None:
        return f"{count(still, 'complaint')} still open" if still else None
    told = f"{count(year, 'support ticket')} in the last year"
    if year and since is not None:
        told = f"{told}, the last {ago(since)}" if year > 1 else f"{told}, {ago(since)}"
    if still:
        told = (
            f"{told}, still open" if year == still == 1 else f"{told}; {number(still)} still open"
        )
    return capital(told)


def points(of: Figures) -> str | None:
    """What is on the account, came and went."""
    balance, earned = of("loyalty_balance_life"), of("loyalty_earned_365d")
    if balance is None:
        return None
    told = f"{count(balance, 'point')} on the account"
    if earned:
        spent = of("loyalty_redeemed_365d") or 0.0
        gone = number(spent) if spent else "none"
        told = f"{told}, {number(earned)} earned and {gone} redeemed in the last year"
    return capital(told)


def expiry(of: Figures) -> str | None:
    """Which points are about to expire."""
    left, balance = of("loyalty_points_expiry_days_until"), of("loyalty_balance_life")
    if left is None:
        return None
    held = f" of {number(balance)}" if balance and balance > 0 else ""
    return f"Points{held} expire in {days(left)}"


def tier(of: Figures) -> str | None:
    """Which tier, and since when."""
    level, since = of("loyalty_tier_last"), of("loyalty_tier_change_days_since_last")
    if level is None:
        return None
    told = f"On loyalty tier {number(level)} (0 is the lowest)"
    return told if since is None else f"{told} for {days(since)}"


def subscriptions(of: Figures) -> str | None:
    """What runs, and what was stopped."""
    running, stopped = of("loyalty_subscriptions"), of("loyalty_subscription_stops_365d")
    if running is None and not stopped:
        return None
    told = [] if running is None else [count(running, "running subscription")]
    if stopped:
        told.append(f"paused or cancelled {times(stopped)} in the last year")
    return capital("; ".join(told))
