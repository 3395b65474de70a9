"""`python -m framework uplift`: whom a test says to treat, and what that is worth."""
