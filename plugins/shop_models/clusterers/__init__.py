"""Models that find groups among users by their features, without a network."""
