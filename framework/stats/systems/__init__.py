"""Many recommenders compared offline on the same users."""
