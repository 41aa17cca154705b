"""The checks on what comes in (FORMAT.md, section 14): pure, objects in, verified types or errors out."""
