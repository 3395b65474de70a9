"""What a policy loses while it learns: policies at play in worlds whose truth is known."""
