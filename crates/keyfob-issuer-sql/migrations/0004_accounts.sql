-- Second factors, how often passwords and codes were tried, and when a workspace wants a second factor.

ALTER TABLE workspaces ADD COLUMN mfa TEXT NOT NULL DEFAULT 'cloud';
ALTER TABLE browser_sessions ADD COLUMN second_factor_at INTEGER;

-- What a factor keeps is sealed by the key outside the database.
CREATE TABLE enrolments (
    subject TEXT NOT NULL REFERENCES users (subject) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    sealed BLOB NOT NULL,
    version INTEGER NOT NULL,
    enrolled_at INTEGER NOT NULL,
    PRIMARY KEY (subject, kind)
) STRICT;

-- The key is a keyed digest of what is counted.
CREATE TABLE throttles (
    key BLOB PRIMARY KEY,
    failures INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX throttles_by_last ON throttles (last_at);

-- Links that reset a password; one for each user at most.
CREATE TABLE reset_links (
    subject TEXT PRIMARY KEY REFERENCES users (subject) ON DELETE CASCADE,
    digest BLOB NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
) STRICT;
