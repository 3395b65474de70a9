"""`python -m framework export`: users' segments for others, so that nobody can be found in them."""
