"""`python -m framework analyse`: outcomes of a test that somebody ran, one row a unit or an arm, to effects."""
