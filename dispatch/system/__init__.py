"""Files, folders and worker processes. Differences between operating systems are dealt with only here."""
