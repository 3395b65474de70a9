"""Posteriors with named priors."""
