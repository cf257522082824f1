"""The names of columns, once."""

from typing import Final, NewType

ProductId = NewType("ProductId", str)
"""A product as the shop names it."""

ProductIndex = NewType("ProductIndex", int)
"""A product's place in the catalogue (int32)."""


class Columns:
    """Column names in the event log, in frames and in outputs."""

    EVENT_ID: Final = "event_id"
    TYPE: Final = "type"
    NAME: Final = "name"
    TIMESTAMP: Final = "timestamp"
    RECEIVED_AT: Final = "received_at"
    USER_ID: Final = "user_id"
    ANONYMOUS_ID: Final = "anonymous_id"
    CUSTOMER_ID: Final = "customer_id"
    CHANNEL: Final = "channel"
    ORDER_ID: Final = "order_id"
    PRODUCT_ID: Final = "product_id"
    VALUE: Final = "value"
    QUANTITY: Final = "quantity"
    MEASURE: Final = "measure"
    CURRENCY: Final = "currency"
    PRODUCTS: Final = "products"
    PRICE: Final = "price"
    PROPERTIES: Final = "properties"
    SOURCE: Final = "source"
    MARKS: Final = "marks"
    IDENTIFIERS: Final = "identifiers"
    INSTANT: Final = "instant"

    PARENT_ID: Final = "parent_id"
    TITLE: Final = "title"
    CATEGORY: Final = "category"
    BRAND: Final = "brand"
    ATTRIBUTES: Final = "attributes"
    FIRST_SEEN_AT: Final = "first_seen_at"
    AVAILABLE: Final = "available"
