"""What a reader gets of a run: its record as JSON, one screen in the terminal, one page of HTML."""
