-- A file of 8 MiB before them made every look at the columns behind it read all of it.
CREATE TABLE kept (
    seq INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    number TEXT NOT NULL,
    version INTEGER NOT NULL,
    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('held', 'rejected')),
    code INTEGER NOT NULL,
    reason TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    file BLOB NOT NULL
) STRICT;
INSERT INTO kept SELECT seq, digest, name, issuer, number, version, verified, state, code, reason, first_seen, file
    FROM waiting;
DROP TABLE waiting;
ALTER TABLE kept RENAME TO waiting;
CREATE INDEX waiting_by_number ON waiting (number);
