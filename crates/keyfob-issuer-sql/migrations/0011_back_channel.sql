-- In which browser a program's session was begun, of programs that are told of a sign-out there.
CREATE TABLE browser_logins (
    grant_id TEXT PRIMARY KEY,
    browser BLOB NOT NULL,
    session_id TEXT,
    approved_at INTEGER NOT NULL
) STRICT;
CREATE INDEX browser_logins_by_browser ON browser_logins (browser);
CREATE INDEX browser_logins_by_time ON browser_logins (approved_at);

-- What programs are told of sessions that ended; due_at is nothing once it is over.
CREATE TABLE logout_notices (
    session_id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    at INTEGER NOT NULL,
    due_at INTEGER,
    tries INTEGER NOT NULL
) STRICT;
CREATE INDEX logout_notices_by_due ON logout_notices (due_at);
CREATE INDEX logout_notices_by_time ON logout_notices (at);

-- One row: up to which entry of the revocation feed programs were told. Whoever goes on locks it.
CREATE TABLE logout_cursor (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL
) STRICT;
INSERT INTO logout_cursor (id, epoch) VALUES (1, 0);
