-- The audit trail: each entry's hash covers that of the one before it. Hashes and signatures are base64url.

CREATE TABLE audit_entries (
    sequence INTEGER PRIMARY KEY,
    entry TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

-- One row: where the trail ends. Whoever adds an entry locks it.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY,
    sequence INTEGER NOT NULL,
    hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, '');

CREATE TABLE audit_signed_heads (
    sequence INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    signed_at INTEGER NOT NULL,
    signature TEXT NOT NULL
) STRICT;

-- From when on a key signs; the one key of an issuer from before always did.
ALTER TABLE signing_keys ADD COLUMN signs_from INTEGER NOT NULL DEFAULT 0;
