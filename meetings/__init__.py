"""Everything the organiser publishes."""
