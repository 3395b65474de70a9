"""Posteriors with named priors."""

from framework.stats.bayes.best import Standing, best_arm, best_of_draws, correlated_best
from framework.stats.bayes.beta_binomial import beta_binomial
from framework.stats.bayes.marginals import BetaMarginal, NormalMarginal, beta_arm
from framework.stats.bayes.normal import normal_posterior
from framework.stats.bayes.priors import FLAT, JEFFREYS, UNIFORM, BetaPrior, NormalPrior, beta_prior

__all__ = [
    "FLAT",
    "JEFFREYS",
    "UNIFORM",
    "BetaMarginal",
    "BetaPrior",
    "NormalMarginal",
    "NormalPrior",
    "Standing",
    "best_arm",
    "best_of_draws",
    "beta_arm",
    "beta_binomial",
    "beta_prior",
    "correlated_best",
    "normal_posterior",
]
