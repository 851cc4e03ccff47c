-- What a webhook is to be told of anomalies; due_at is nothing once a notice is over.
CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    pattern TEXT NOT NULL,
    about TEXT NOT NULL,
    period INTEGER NOT NULL,
    subject TEXT NOT NULL,
    session_id TEXT,
    counted INTEGER NOT NULL,
    at INTEGER NOT NULL,
    due_at INTEGER,
    tries INTEGER NOT NULL,
    UNIQUE (pattern, about, period)
) STRICT;
CREATE INDEX notices_by_due ON notices (due_at);
CREATE INDEX notices_by_time ON notices (at);

-- Who let a device in, also when its code was fetched since.
ALTER TABLE device_grants ADD COLUMN approved_by TEXT;
UPDATE device_grants SET approved_by = subject;
CREATE INDEX device_grants_by_approver ON device_grants (approved_by, requested_at);
