-- Whether an address was verified, links that verify or restore one, and when a browser's session began.

ALTER TABLE users ADD COLUMN email_verified_at INTEGER;
-- Until here, an administrator had named every address.
UPDATE users SET email_verified_at = created_at;

CREATE TABLE email_links (
    digest BLOB PRIMARY KEY,
    purpose TEXT NOT NULL,
    subject TEXT NOT NULL REFERENCES users (subject) ON DELETE CASCADE,
    email TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX email_links_by_subject ON email_links (subject, purpose);
CREATE INDEX email_links_by_end ON email_links (expires_at);

ALTER TABLE browser_sessions ADD COLUMN began_at INTEGER NOT NULL DEFAULT 0;
UPDATE browser_sessions SET began_at = signed_in_at;
