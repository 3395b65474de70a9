"""Less noise from what was known before: covariates."""
