"""Looking while the test runs."""
