"""Circulars that a centre seals and signs, answers of its branches, and what an auditor verifies."""

__version__ = "0.1.0"
