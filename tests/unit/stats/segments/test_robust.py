"""Critical values under bias: the authors' published ones, and a linear program over all distributions of bias."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from framework.stats.segments.robust import robust_critical, worst_miss


@pytest.mark.reference
@pytest.mark.parametrize(
    ("second_moment", "alpha", "expected"),
    [(0.0, 0.05, 1.959963984540054), (4.0, 0.05, 7.216351), (1.0, 0.2, 1.8494683)],
)
def test_as_the_authors_software(second_moment, alpha, expected):
    """R package ebci (Armstrong, Kolesar and Plagborg-Moller), `cva`; in the third its kurtosis bound does not bind."""
    assert robust_critical(second_moment, alpha) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("c", [1.5, 2.5, 5.0])
@pytest.mark.parametrize("second_moment", [0.05, 0.7, 3.0, 30.0])
def test_worst_miss_is_the_linear_program(second_moment, c):
    squares = np.r_[np.linspace(0, 20, 1501) ** 2, second_moment]
    b = np.sqrt(squares)
    miss = stats.norm.sf(c - b) + stats.norm.cdf(-c - b)
    program = optimize.linprog(
        -miss, A_ub=squares[None, :], b_ub=[second_moment], A_eq=np.ones((1, b.size)), b_eq=[1.0], method="highs"
    )
    assert worst_miss(second_moment, c) == pytest.approx(-program.fun, rel=1e-4)


def test_more_bias_needs_more_room():
    values = [robust_critical(moment, 0.05) for moment in (0.0, 1e-6, 1e-3, 0.1, 1, 10, 1e4)]
    assert values == sorted(values)
    assert values[1] == pytest.approx(values[0], abs=1e-4)
    assert values[-1] < np.sqrt((1 + 1e4) / 0.05)
