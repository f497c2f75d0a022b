"""Real mail software delivers to a real daemon."""
