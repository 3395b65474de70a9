"""Bandits: policies that learn what pays while they show it. Arms are items, every slate's candidates its choice."""
