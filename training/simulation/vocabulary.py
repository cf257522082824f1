"""The words of the simulated shop: categories, titles, brands, topics, places."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Category:
    """One category of the shop.

    department, leaf: the two levels of its path. noun: what a product of it is called.
    price: median price. refill: days a pack lasts; 0 for what is not used up. peak: month of
    the year in which most is sold; 0 when all months are alike. variants: what sets the
    variants of one product apart.
    """

    department: str
    leaf: str
    noun: str
    price: float
    refill: float = 0.0
    peak: int = 0
    variants: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Outermost first: `Garden > Pots`."""
        return f"{self.department} > {self.leaf}"


_SIZES = ("S", "M", "L", "XL")
_SHADES = ("Light", "Medium", "Dark")
_BEDS = ("Single", "Double", "King")
_COLOURS = ("White", "Grey", "Green")

CATEGORIES: Final = (
    Category("Garden", "Pots", "Pot", 18, peak=5),
    Category("Garden", "Seeds", "Seeds", 4, peak=4),
    Category("Garden", "Tools", "Trowel", 25, peak=5),
    Category("Garden", "Fertiliser", "Fertiliser", 12, refill=45),
    Category("Kitchen", "Coffee", "Coffee", 11, refill=28),
    Category("Kitchen", "Tea", "Tea", 7, refill=35),
    Category("Kitchen", "Cookware", "Pan", 45),
    Category("Kitchen", "Bakeware", "Cake Tin", 18, peak=12),
    Category("Home", "Candles", "Candle", 14, peak=12),
    Category("Home", "Bedding", "Duvet Cover", 55, variants=_BEDS),
    Category("Home", "Lamps", "Lamp", 60, peak=11, variants=_COLOURS),
    Category("Home", "Cleaning", "Cleaner", 6, refill=40),
    Category("Beauty", "Skin Care", "Day Cream", 22, refill=55),
    Category("Beauty", "Shampoo", "Shampoo", 9, refill=42),
    Category("Beauty", "Fragrance", "Eau de Toilette", 55, peak=12),
    Category("Beauty", "Make-up", "Foundation", 16, variants=_SHADES),
    Category("Clothing", "T-Shirts", "T-Shirt", 20, peak=6, variants=_SIZES),
    Category("Clothing", "Knitwear", "Jumper", 50, peak=11, variants=_SIZES),
    Category("Clothing", "Jackets", "Jacket", 90, peak=10, variants=_SIZES),
    Category("Clothing", "Socks", "Socks", 9, variants=_SIZES),
    Category("Sports", "Running", "Running Shoe", 70, variants=_SIZES),
    Category("Sports", "Yoga", "Yoga Mat", 28, variants=_COLOURS),
    Category("Sports", "Camping", "Tent", 60, peak=7),
    Category("Sports", "Nutrition", "Protein Powder", 24, refill=30),
    Category("Pets", "Dog Food", "Dog Food", 30, refill=26),
    Category("Pets", "Cat Litter", "Cat Litter", 12, refill=21),
    Category("Pets", "Pet Toys", "Ball", 9),
    Category("Pets", "Pet Beds", "Pet Bed", 35, variants=_COLOURS),
    Category("Toys", "Puzzles", "Puzzle", 16, peak=12),
    Category("Toys", "Building Sets", "Building Set", 40, peak=12),
    Category("Toys", "Outdoor Toys", "Kite", 25, peak=6),
    Category("Toys", "Dolls", "Doll", 22, peak=12),
    Category("Stationery", "Notebooks", "Notebook", 9, peak=9),
    Category("Stationery", "Pens", "Pen", 6, variants=_COLOURS),
    Category("Stationery", "Calendars", "Calendar", 14, peak=12),
    Category("Stationery", "Paper", "Paper", 8, refill=60),
    Category("Electronics", "Headphones", "Headphones", 80, variants=_COLOURS),
    Category("Electronics", "Chargers", "Charger", 20),
    Category("Electronics", "Printer Ink", "Ink Cartridge", 28, refill=60),
    Category("Electronics", "Cameras", "Camera", 250),
)

ADJECTIVES: Final = (
    "Classic", "Small", "Large", "Soft", "Bright", "Natural", "Organic", "Everyday", "Fine",
    "Light", "Sturdy", "Pure", "Fresh", "Wild", "Quiet", "Northern", "Golden", "Simple",
    "Royal", "Urban", "Summer", "Winter", "Travel", "Family", "Studio", "Country", "Little",
    "Grand",
)  # fmt: skip

BRAND_STARTS: Final = (
    "Nor", "Bel", "Tor", "Lum", "Fen", "Mar", "Sil", "Kor", "Ave", "Hal", "Pel", "Rin", "Vel",
    "Oda", "Jun", "Cas", "Dor", "Eli", "Gra", "Wil",
)  # fmt: skip
BRAND_ENDS: Final = (
    "vik", "lane", "mora", "ia", "wood", "field", "sen", "ta", "bury", "co", "line", "ora",
    "ham", "stedt", "ley", "ano", "berg", "is", "dale", "une",
)  # fmt: skip

TOPICS: Final = ("damaged", "late delivery", "wrong item", "question")
TIERS: Final = ("Member", "Silver", "Gold")
TIER_SPEND: Final = (0.0, 250.0, 750.0)
"""Spend over life, in the shop's currency, from which a tier is held."""

COUPONS: Final = ("SAVE10", "SAVE15", "SAVE20")
COUPON_PERCENT: Final = (10, 15, 20)
STORES: Final = ("store-north", "store-south", "store-east", "store-west")
COUNTRIES: Final = ("DE", "FR", "GB", "NL", "AT", "ES")
PURPOSES: Final = ("marketing", "personalisation")
STATUSES: Final = ("denied", "granted")
