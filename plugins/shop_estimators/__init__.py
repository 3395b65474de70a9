"""Off-policy estimators: what a policy would have earned, from decisions that another one took."""
