"""Before the test: power, sample size, minimum detectable effect, days."""
