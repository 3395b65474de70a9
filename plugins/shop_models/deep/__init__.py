"""Models that find groups among users in what a network makes of their features."""
