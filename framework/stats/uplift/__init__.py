"""What a ranking by predicted uplift, and actions by segment, are worth: numbers of a test in, worth out."""
