"""Items by users alike and items alike."""
