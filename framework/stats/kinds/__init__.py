"""Metrics that are neither a mean nor a ratio: shares, quantiles, rates, retention."""
