"""`online_retail`: the UCI Online Retail data, a British wholesaler's invoice lines of 2010 and 2011.

Reference: Chen, Sain and Guo (2012), Data mining for the online retail industry, Journal of Database Marketing 19(3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from framework.data.rawlog import RawLog
from shop_sources.log import matching, one_sign, told_format

if TYPE_CHECKING:
    from framework.records import Context

NO_PRODUCTS = (
    "POST",
    "DOT",
    "C2",
    "M",
    "m",
    "D",
    "S",
    "B",
    "BANK CHARGES",
    "AMAZONFEE",
    "CRUK",
    "PADS",
    "gift_0001_[0-9]+",
)
"""All stock codes of the data that are no product: postage (POST, DOT, C2), manual lines, discounts, samples, bad
debt, bank and Amazon fees, a charity's commission, PADS (a charge of a tenth of a penny), gift vouchers. The other
codes without five digits (DCGS...) are goods."""


@dataclass
class OnlineRetailConfig:
    """Path and mapping; the defaults fit the file as UCI publishes it, saved as Parquet or CSV.

    `path` is a file, a folder of parts or a pattern. For Online Retail II set columns.order=Invoice,
    columns.price=Price and columns.user="Customer ID". The column of countries is left out on purpose: it belongs to
    the user and adds nothing to a repeated line.
    """

    path: str
    format: str = "auto"
    columns: dict[str, str | None] = field(
        default_factory=lambda: {
            "user": "CustomerID",
            "time": "InvoiceDate",
            "item": "StockCode",
            "quantity": "Quantity",
            "price": "UnitPrice",
            "order": "InvoiceNo",
            "text": "Description",
        }
    )
    time_format: str | None = None
    time_zone: str = "Europe/London"
    currency: str = "GBP"
    cancellation_prefix: str = "C"
    not_products: list[str] = field(default_factory=lambda: list(NO_PRODUCTS))
    separator: str = ","
    on_bad_line: str = "error"

    def __post_init__(self) -> None:
        """Refuse a separator that no file can be read with, before anything is read."""
        self.separator = one_sign(self.separator)


class OnlineRetail:
    """Source with the mapping of Online Retail."""

    Config = OnlineRetailConfig

    def __init__(self, config: OnlineRetailConfig) -> None:
        self.config = config

    def read(self, context: Context) -> RawLog:
        """Return the description of the invoice lines.

        Raises:
            DataError: a pattern that no file matches, or a format that cannot be told.
        """
        del context  # nothing is drawn and nothing is written
        config = self.config
        paths = matching(config.path)
        return RawLog(
            paths=paths,
            format=told_format(config.format, paths),
            columns={ours: theirs for ours, theirs in config.columns.items() if theirs is not None},
            time_format=config.time_format,
            time_zone=config.time_zone,
            currency=config.currency,
            cancellation_prefix=config.cancellation_prefix,
            not_products=tuple(config.not_products),
            separator=config.separator,
            on_bad_line=config.on_bad_line,
        )
