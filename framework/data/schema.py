"""What must hold of a clean log, checked on the engine itself.

The checks run with Validoopsie: it is written on Narwhals, so the same checks run lazily inside DuckDB, Spark and
Polars and return only what fails. (Pandera, the better known, has no DuckDB relation among the frames that it takes.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from framework.errors import DataError

if TYPE_CHECKING:
    Frame = nw.LazyFrame[Any]

TYPES: dict[str, type[nw.dtypes.DType]] = {
    "row": nw.Int64,
    "user": nw.String,
    "time": nw.Int64,
    "item": nw.String,
    "event": nw.String,
    "quantity": nw.Float64,
    "price": nw.Int64,
    "amount": nw.Int64,
    "order": nw.String,
    "category": nw.String,
    "text": nw.String,
    "rating": nw.Float64,
    "flagged": nw.Boolean,
}
NOT_NULL = ("row", "user", "time", "event", "quantity", "amount", "flagged")
LARGEST = 1e15


def check_events(frame: Frame) -> None:
    """Hold a clean log's frame to its types, to what may not be missing, and to positive finite quantities.

    Raises:
        DataError: naming each column at fault, the rule and how many rows break it.
    """
    schema = frame.collect_schema()
    wrong = [
        f"{name} is {schema.get(name, 'missing')}, not {kind.__name__}"
        for name, kind in TYPES.items()
        if name not in schema or schema[name] != kind
    ]
    if wrong:
        raise DataError(f"the cleaned log does not have the schema that later stages need: {'; '.join(wrong)}")
    from loguru import logger

    logger.disable("validoopsie")
    from validoopsie import Validate

    checks = Validate(nw.to_native(frame))
    for name in NOT_NULL:
        checks.NullValidation.ColumnNotBeNull(column=name, impact="high")
    checks.ValuesValidation.ColumnValuesToBeBetween(column="quantity", min_value=1e-9, max_value=LARGEST, impact="high")
    failed = [
        f"{name}: {result['result']['message']} ({result['result'].get('failed_number', 'unknown number of')} rows)"
        for name, result in checks.results.items()
        if name != "Summary" and result["result"]["status"] != "Success"
    ]
    if failed:
        raise DataError(f"the cleaned log breaks its schema: {'; '.join(failed)}", hint="Look at the input's columns.")
