"""The words of the synthetic shop: segments, departments, price tiers, templates of item and review texts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Archetype:
    """What a planted segment is like.

    `share` of the users before normalising; `activity` relative number of sessions; `views` a session; chances that a
    view becomes a cart, a cart a purchase, a purchase a review; `tiers` liking of cheap, middle and dear items (log
    odds); `response` shift of the log odds that a shown item is bought.
    """

    name: str
    share: float
    activity: float
    views: float
    cart: float
    buy: float
    review: float
    tiers: tuple[float, float, float]
    response: float


ARCHETYPES = (
    Archetype("bargain hunters", 0.30, 1.0, 5.0, 0.28, 0.60, 0.25, (1.0, 0.0, -1.0), 0.0),
    Archetype("loyal regulars", 0.20, 2.0, 4.0, 0.36, 0.65, 0.30, (0.1, 0.5, -0.3), 0.4),
    Archetype("premium seekers", 0.15, 0.8, 4.5, 0.30, 0.60, 0.35, (-1.2, 0.0, 1.2), 0.1),
    Archetype("window shoppers", 0.35, 0.6, 6.0, 0.18, 0.40, 0.10, (0.3, 0.2, 0.0), -0.5),
    Archetype("gift buyers", 0.12, 0.4, 3.5, 0.45, 0.75, 0.20, (-0.2, 0.6, 0.2), 0.2),
    Archetype("collectors", 0.08, 1.4, 7.0, 0.25, 0.55, 0.45, (-0.5, 0.2, 0.8), 0.2),
    Archetype("seasonal visitors", 0.15, 0.3, 4.0, 0.30, 0.55, 0.15, (0.6, 0.1, -0.4), -0.2),
    Archetype("researchers", 0.10, 1.1, 9.0, 0.14, 0.50, 0.40, (-0.1, 0.4, 0.3), -0.3),
)
"""Planted segments, taken in this order and numbered on from the start where more are asked for."""

DEPARTMENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kitchen", ("mug", "kettle", "teapot", "cake tin", "apron", "bread bin")),
    ("garden", ("watering can", "planter", "bird feeder", "trowel", "lantern", "hammock")),
    ("stationery", ("notebook", "pen set", "desk tidy", "calendar", "wrapping paper", "card set")),
    ("toys", ("puzzle", "teddy bear", "building blocks", "kite", "board game", "spinning top")),
    ("lighting", ("desk lamp", "night light", "candle holder", "string lights", "lamp shade", "torch")),
    ("bags", ("tote bag", "backpack", "lunch bag", "purse", "travel bag", "shopper")),
    ("textiles", ("cushion", "throw", "tea towel", "rug", "blanket", "curtain")),
    ("jewellery", ("necklace", "bracelet", "earrings", "ring box", "brooch", "charm")),
    ("bathroom", ("soap dish", "towel set", "bath mat", "mirror", "sponge holder", "bathrobe")),
    ("wall art", ("print", "frame", "wall clock", "poster", "canvas", "mirror tile")),
    ("seasonal", ("wreath", "bauble", "stocking", "bunting", "egg cup", "advent calendar")),
    ("outdoor", ("picnic basket", "flask", "umbrella", "camping mug", "cool bag", "blanket roll")),
)
"""Departments with the things they sell; numbered on from the start where more categories are asked for."""

TIERS = ("value", "classic", "premium")
STYLES = ("red", "blue", "vintage", "striped", "floral", "oak", "enamel", "pastel", "tin", "ceramic")
COUNTRIES = ("GB", "DE", "FR", "NL", "ES")
CHANNELS = ("search", "email", "social", "direct", "affiliate")
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")

OPENINGS: tuple[tuple[str, ...], ...] = (
    ("Terrible.", "Broke after a week.", "Very disappointed.", "Waste of money."),
    ("Not great.", "Below what I expected.", "Looks cheap.", "Would not buy again."),
    ("It is all right.", "Does the job.", "Neither good nor bad.", "Average."),
    ("Pretty good.", "Happy with it.", "Good quality.", "Nice gift."),
    ("Love it!", "Perfect.", "Excellent quality.", "Even better than the picture."),
)
"""First sentences of a review, by its stars."""

CLOSINGS = (
    "Delivery was quick.",
    "Delivery took a while.",
    "The colour is as shown.",
    "A bit smaller than I thought.",
    "The packaging was fine.",
)


def segment_archetypes(count: int) -> tuple[Archetype, ...]:
    """Return `count` archetypes with distinct names."""
    from dataclasses import replace

    chosen = []
    for index in range(count):
        archetype = ARCHETYPES[index % len(ARCHETYPES)]
        again = index // len(ARCHETYPES)
        chosen.append(replace(archetype, name=f"{archetype.name} {again + 1}") if again else archetype)
    return tuple(chosen)


def category_names(count: int) -> tuple[str, ...]:
    """Return `count` distinct category names."""
    names = []
    for index in range(count):
        name, again = DEPARTMENTS[index % len(DEPARTMENTS)][0], index // len(DEPARTMENTS)
        names.append(f"{name} {again + 1}" if again else name)
    return tuple(names)


def item_text(category: int, tier: int, number: int) -> str:
    """Return the text of the `number`-th item of a category: style, tier and thing."""
    things = DEPARTMENTS[category % len(DEPARTMENTS)][1]
    style = STYLES[(number // len(things)) % len(STYLES)]
    return f"{TIERS[tier]} {style} {things[number % len(things)]}"


def review_texts(categories: int) -> tuple[str, ...]:
    """Return every review text; stars turn slowest, then opening, closing, and category fastest."""
    names = category_names(categories)
    return tuple(
        f"{opening} I bought this from {name}. {closing}"
        for openings in OPENINGS
        for opening in openings
        for closing in CLOSINGS
        for name in names
    )
