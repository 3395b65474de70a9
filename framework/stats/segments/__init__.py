"""Whether groups of users really respond differently."""
