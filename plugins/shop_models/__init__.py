"""Models that put users into segments: RFM rules and k-means."""
