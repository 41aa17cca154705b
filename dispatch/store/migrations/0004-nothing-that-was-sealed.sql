-- The reasons quoted what stood sealed in the files: they are made anew when somebody asks. The note's id, so that no
-- file has to be read to tell it from another.
CREATE TABLE kept (
    seq INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    issuer TEXT NOT NULL,
    number TEXT NOT NULL,
    id BLOB,
    version INTEGER NOT NULL,
    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('held', 'rejected')),
    code INTEGER NOT NULL,
    first_seen TEXT NOT NULL,
    file BLOB NOT NULL
) STRICT;
INSERT INTO kept SELECT seq, digest, name, issuer, number, note_id(file), version, verified, state, code, first_seen, file
    FROM waiting;
DROP TABLE waiting;
ALTER TABLE kept RENAME TO waiting;
CREATE INDEX waiting_by_number ON waiting (number);
