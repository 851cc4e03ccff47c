-- Keys that people make for programs, and the servers that may ask what a token means.

CREATE TABLE access_keys (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    ending TEXT NOT NULL,
    label TEXT NOT NULL,
    subject TEXT NOT NULL REFERENCES users (subject) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    scope TEXT NOT NULL,
    models TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX access_keys_by_maker ON access_keys (subject, workspace_id);

CREATE TABLE resource_servers (
    id TEXT PRIMARY KEY,
    secret_digest BLOB NOT NULL,
    audience TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- ID tokens that were exchanged for an API key: each once.
CREATE TABLE spent_id_tokens (
    jti TEXT PRIMARY KEY,
    spent_at INTEGER NOT NULL
) STRICT;
