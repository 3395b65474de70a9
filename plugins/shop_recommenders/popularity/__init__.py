"""Rankings that are the same for many users: the floors that every other recommender has to beat."""
