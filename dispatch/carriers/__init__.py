"""What moves envelopes. A carrier is never trusted: it brings bytes, and takes them away."""
