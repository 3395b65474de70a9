"""Sources: where an event log lies and what its columns mean."""
