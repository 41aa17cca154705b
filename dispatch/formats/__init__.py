"""The formats of FORMAT.md, sections 6 to 13: bytes <-> objects. Read `message.py` first."""
