"""The table of all events: the canvas in words, step by step."""
