"""How large what was learned is, as it would be written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from framework.kinds import Stored


def stored_bytes(components: Sequence[Any]) -> int | None:
    """Return the bytes of all arrays in the components' states, None where one of them has no state to write."""
    total = 0
    for component in components:
        if not isinstance(component, Stored):
            return None
        total += sum(np.asarray(array).nbytes for array in component.state().values())
    return total
