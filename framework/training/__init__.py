"""Training and search of neural strategies."""
