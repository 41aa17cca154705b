"""Who and with what: every line of cryptography, and trust in keys.

Imports nothing from `dispatch`.
"""
