"""What recommenders learned from pairs of a user and an item share: their batches, their scores, their ranking."""
