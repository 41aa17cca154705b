"""What the operating system gives: files, folders, worker processes. Its differences stand only here."""
