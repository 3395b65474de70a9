"""Training of neural recommenders by Lightning, and the search for their parameters."""
