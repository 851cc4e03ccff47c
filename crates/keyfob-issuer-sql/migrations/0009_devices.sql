-- What a device asked for and from where, how it is answered, and the link by which its person takes it back.

ALTER TABLE device_grants ADD COLUMN dialect TEXT NOT NULL DEFAULT 'codex';
ALTER TABLE device_grants ADD COLUMN scope TEXT NOT NULL
    DEFAULT 'openid profile email offline_access api.connectors.read api.connectors.invoke';
ALTER TABLE device_grants ADD COLUMN tool TEXT;
ALTER TABLE device_grants ADD COLUMN machine TEXT;
ALTER TABLE device_grants ADD COLUMN place TEXT;
ALTER TABLE device_grants ADD COLUMN network TEXT;
ALTER TABLE device_grants ADD COLUMN requested_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE device_grants ADD COLUMN undo_digest BLOB;
ALTER TABLE device_grants ADD COLUMN delivered_at INTEGER;
ALTER TABLE device_grants ADD COLUMN begun_grant TEXT;
ALTER TABLE device_grants ADD COLUMN begun_session TEXT;
CREATE UNIQUE INDEX device_grants_by_undo ON device_grants (undo_digest);
CREATE INDEX device_grants_by_progress ON device_grants (progress, expires_at, client_id, network);

-- Every code so far lasted for a quarter of an hour. What was delivered so far cannot be told again.
UPDATE device_grants SET requested_at = expires_at - 900;
UPDATE device_grants SET progress = 'denied' WHERE progress = 'delivered';

-- What has ended before its time, in an order that all nodes agree on.
CREATE TABLE revocation_epoch (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL
) STRICT;
INSERT INTO revocation_epoch (id, epoch) VALUES (1, 0);
CREATE TABLE revocations (
    epoch INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    workspace_id TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX revocations_by_time ON revocations (at);

-- How old a sign-in may be that a client asks for.
ALTER TABLE authorization_grants ADD COLUMN signed_in_since INTEGER;
