"""Views: pure functions from values to text."""
