"""Rows weighted by how much more often the policy takes what was logged: no model of rewards."""
