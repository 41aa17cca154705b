"""Who owes what, what came of it, and one table of the returns. Pure: no I/O, no clock of its own."""
