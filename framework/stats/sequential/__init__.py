"""Looking while the test runs: at planned looks, or at any number of them."""

from framework.stats.sequential.betting import betting_difference_look, betting_interval, betting_look
from framework.stats.sequential.boundaries import Exits, critical_values, exit_probabilities, shaped_values
from framework.stats.sequential.bounded import bernoulli_difference_look, bernoulli_interval
from framework.stats.sequential.design import (
    RULES,
    Design,
    drift_needed,
    expected_information,
    group_sequential,
    inflation_factor,
    power_of_design,
)
from framework.stats.sequential.looks import boundaries_seen, group_sequential_look
from framework.stats.sequential.mixture import mixture_boundary, mixture_look, mixture_p_value, mixture_rho
from framework.stats.sequential.spending import SPENDING, spending

__all__ = [
    "RULES",
    "SPENDING",
    "Design",
    "Exits",
    "bernoulli_difference_look",
    "bernoulli_interval",
    "betting_difference_look",
    "betting_interval",
    "betting_look",
    "boundaries_seen",
    "critical_values",
    "drift_needed",
    "exit_probabilities",
    "expected_information",
    "group_sequential",
    "group_sequential_look",
    "inflation_factor",
    "mixture_boundary",
    "mixture_look",
    "mixture_p_value",
    "mixture_rho",
    "power_of_design",
    "shaped_values",
    "spending",
]
