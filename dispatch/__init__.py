"""The paperwork: circulars from a centre to its branches, signed reports back, and the audit of both."""
