"""What a customer bought and sent back."""

from serving.profile.orders import LAST, LINES, last_orders, last_refunds, purchases
from tests.serving.profile.story import MUG, POT, TEA, ago, features, order, past, row


def test_the_latest_orders_come_first_with_their_lines():
    orders = last_orders(past(order(9, TEA, total=4), order(2, POT, MUG, total=18.5)))
    assert [(o.at, o.total) for o in orders] == [(ago(2), 18.5), (ago(9), 4.0)]
    assert [line.product_id for line in orders[0].lines] == ["pot", "mug"]
    assert (orders[0].lines[1].title, orders[0].lines[1].price) == ("Mug 🫖", 5.0)


def test_only_the_latest_are_shown_and_only_so_many_lines():
    orders = last_orders(past(*(order(day, *[TEA] * 150) for day in range(1, 9))))
    assert [o.at for o in orders] == [ago(day) for day in range(1, LAST + 1)]
    assert {len(o.lines) for o in orders} == {LINES}


def test_of_several_orders_at_one_instant_the_first_has_all_lines():
    orders = last_orders(past(order(2, TEA, total=4), order(2, POT, total=12)))
    assert [[line.product_id for line in o.lines] for o in orders] == [["tea", "pot"], []]


def test_an_order_without_total_or_lines_and_a_product_that_is_not_known_here():
    bare, strange = last_orders(past(row("Order Completed", 1), order(2, -1)))
    assert (bare.total, bare.lines) == (None, ())
    assert (strange.lines[0].product_id, strange.lines[0].title) == ("", "")


def test_refunds_and_cancellations_say_which_they_are():
    refunds = last_refunds(
        past(
            order(9, TEA),
            row("Order Refunded", 5, value=4),
            row("Refund Line", 5, TEA, quantity=1, measure=4),
            row("Order Cancelled", 3, value=7),
        )
    )
    assert [(r.kind, r.total, r.at) for r in refunds] == [
        ("cancelled", 7.0, ago(3)),
        ("refunded", 4.0, ago(5)),
    ]
    assert [line.product_id for line in refunds[1].lines] == ["tea"]


def test_sums_are_those_of_the_declared_features():
    parts = (order(9, total=40), order(2, total=10), row("Order Refunded", 1, value=12.5))
    sums = purchases(past(*parts), features(*parts))
    assert (sums.orders, sums.spent, sums.returned, sums.kept) == (2, 50.0, 12.5, 37.5)
    assert (sums.first_order_at, sums.last_order_at) == (ago(9), ago(2))
    assert sums.order_value == 25.0


def test_refunds_beyond_orders_are_told_as_they_are():
    parts = (order(9, total=10), row("Order Refunded", 1, value=100))
    assert purchases(past(*parts), features(*parts)).kept == -90.0


def test_who_never_ordered_has_spent_nothing():
    sums = purchases(past(), features())
    assert (sums.orders, sums.spent, sums.order_value, sums.last_order_at) == (0, 0.0, None, None)


def test_an_order_that_is_yet_to_come_is_not_there():
    assert last_orders(past(order(-1, TEA))) == ()
    assert last_orders(past(row("Order Completed", 3, known_days=-1))) == ()
