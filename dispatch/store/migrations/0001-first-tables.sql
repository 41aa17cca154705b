CREATE TABLE notes (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    issuer TEXT NOT NULL,
    volume TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    date TEXT NOT NULL,
    text BLOB NOT NULL,
    signatures BLOB,
    state TEXT NOT NULL CHECK (state IN ('pending', 'signed', 'released', 'received')),
    directory TEXT,
    first_seen TEXT NOT NULL,
    UNIQUE (issuer, volume, ordinal)
) STRICT;
CREATE TABLE copies (
    seq INTEGER PRIMARY KEY,
    note INTEGER NOT NULL REFERENCES notes DEFERRABLE INITIALLY DEFERRED,
    position INTEGER NOT NULL,
    handle TEXT NOT NULL,
    after TEXT,
    digest BLOB NOT NULL,
    proof BLOB NOT NULL,
    UNIQUE (note, position)
) STRICT;
CREATE INDEX copies_of_an_office ON copies (handle, note);
CREATE TABLE bodies (
    copy INTEGER PRIMARY KEY REFERENCES copies DEFERRABLE INITIALLY DEFERRED,
    data BLOB NOT NULL
) STRICT;
CREATE TABLE attachments (
    note INTEGER NOT NULL REFERENCES notes DEFERRABLE INITIALLY DEFERRED,
    sealed BLOB NOT NULL,
    PRIMARY KEY (note, sealed)
) STRICT;
CREATE TABLE waiting (
    seq INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    file BLOB NOT NULL,
    issuer TEXT NOT NULL,
    number TEXT NOT NULL,
    version INTEGER NOT NULL,
    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('held', 'rejected')),
    code INTEGER NOT NULL,
    reason TEXT NOT NULL,
    first_seen TEXT NOT NULL
) STRICT;
