"""What must not be shown to a customer, and why."""

from enum import IntEnum


class Why(IntEnum):
    """Why a product is not shown; of several reasons the lowest number is given."""

    UNAVAILABLE = 1
    """No variant of it can be bought, or it is not in the catalogue yet."""
    EXCLUDED = 2
    """The caller left it out."""
    RULE = 3
    """A rule of the shop leaves it out."""
    FILTER = 4
    """It does not pass the caller's filters."""
    AGE = 5
    """It has a `min_age`, and the customer is younger or of unknown age."""
    CONSENT = 6
    """It is `sensitive`, and the customer did not say yes to personalisation."""
    ANCHOR = 7
    """It is what the page is about, or in the cart or the order."""
    SUBSTITUTE = 8
    """It would replace what is in the cart, not go with it."""
    SUBSCRIBED = 9
    """It comes anyway."""
    RETURNED = 10
    """The customer gave it back."""
    RATED_BADLY = 11
    DISMISSED = 12
    """The customer did not want to see it again."""
    BOUGHT = 13
    """The customer has it, and it is nothing that people buy again, or not due yet."""
