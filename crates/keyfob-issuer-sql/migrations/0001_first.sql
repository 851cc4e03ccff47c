-- Times are seconds since 1970. Digests are 32 bytes of SHA-256 or HMAC-SHA-256; no value that could be redeemed rests.

CREATE TABLE signing_keys (
    id TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE clients (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    subject TEXT PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    device_code_enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE workspaces (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL REFERENCES users (subject) ON DELETE CASCADE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX workspaces_by_owner ON workspaces (owner);

CREATE TABLE browser_sessions (
    digest BLOB PRIMARY KEY,
    subject TEXT NOT NULL REFERENCES users (subject) ON DELETE CASCADE,
    signed_in_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX browser_sessions_by_end ON browser_sessions (expires_at);

CREATE TABLE authorization_grants (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    redirect_uri TEXT NOT NULL,
    scope TEXT NOT NULL,
    client_state TEXT,
    nonce TEXT,
    code_challenge TEXT NOT NULL,
    login_hint TEXT,
    browser_digest BLOB,
    expires_at INTEGER NOT NULL,
    progress TEXT NOT NULL,
    subject TEXT,
    workspace_id TEXT,
    auth_time INTEGER,
    code_digest BLOB UNIQUE,
    family_id TEXT
) STRICT;
CREATE INDEX authorization_grants_by_end ON authorization_grants (expires_at);

CREATE TABLE device_grants (
    digest BLOB PRIMARY KEY,
    user_code_digest BLOB NOT NULL UNIQUE,
    client_id TEXT NOT NULL REFERENCES clients (id),
    expires_at INTEGER NOT NULL,
    progress TEXT NOT NULL,
    subject TEXT,
    workspace_id TEXT,
    auth_time INTEGER
) STRICT;
CREATE INDEX device_grants_by_end ON device_grants (expires_at);

CREATE TABLE refresh_families (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    subject TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    auth_time INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    status TEXT NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE TABLE refresh_tokens (
    digest BLOB PRIMARY KEY,
    family_id TEXT NOT NULL REFERENCES refresh_families (id) ON DELETE CASCADE,
    generation INTEGER NOT NULL,
    issued_at INTEGER NOT NULL,
    superseded_at INTEGER,
    sealed_successor BLOB,
    UNIQUE (family_id, generation)
) STRICT;
