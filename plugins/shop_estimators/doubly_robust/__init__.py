"""A model of rewards, and what weights correct of it."""
