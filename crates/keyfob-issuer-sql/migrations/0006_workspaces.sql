-- Workspaces that several people share, what they are in them, what holds there, and who may sign in at all.

ALTER TABLE users ADD COLUMN status TEXT NOT NULL DEFAULT 'active';

-- Whose a personal workspace is; nobody's, if it is shared.
ALTER TABLE workspaces ADD COLUMN personal_of TEXT REFERENCES users (subject) ON DELETE CASCADE;
UPDATE workspaces SET personal_of = owner;
DROP INDEX workspaces_by_owner;
ALTER TABLE workspaces DROP COLUMN owner;
CREATE UNIQUE INDEX workspaces_by_person ON workspaces (personal_of);

ALTER TABLE workspaces ADD COLUMN methods TEXT NOT NULL DEFAULT 'password sso';
ALTER TABLE workspaces ADD COLUMN device_codes TEXT NOT NULL DEFAULT 'person';
ALTER TABLE workspaces ADD COLUMN session_seconds INTEGER;
ALTER TABLE workspaces ADD COLUMN api_keys TEXT NOT NULL DEFAULT 'allowed';
ALTER TABLE workspaces ADD COLUMN capabilities TEXT NOT NULL DEFAULT 'cloud';
ALTER TABLE workspaces ADD COLUMN retention TEXT;
ALTER TABLE workspaces ADD COLUMN residency TEXT;
ALTER TABLE workspaces ADD COLUMN organisation_retention TEXT;
ALTER TABLE workspaces ADD COLUMN data_sharing TEXT NOT NULL DEFAULT 'off';

CREATE TABLE members (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    subject TEXT NOT NULL REFERENCES users (subject) ON DELETE CASCADE,
    role TEXT NOT NULL,
    joined_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, subject)
) STRICT;
CREATE INDEX members_by_subject ON members (subject);
INSERT INTO members SELECT id, personal_of, 'owner', created_at FROM workspaces;

CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL,
    UNIQUE (workspace_id, email)
) STRICT;
CREATE INDEX invitations_by_end ON invitations (expires_at);

-- For which workspaces a client takes tokens, which one its person chose, and by what they proved who they are.
ALTER TABLE authorization_grants ADD COLUMN allowed_workspaces TEXT;
ALTER TABLE authorization_grants ADD COLUMN chosen_workspace TEXT;
ALTER TABLE authorization_grants ADD COLUMN amr TEXT;
ALTER TABLE device_grants ADD COLUMN allowed_workspaces TEXT;
ALTER TABLE device_grants ADD COLUMN amr TEXT;
ALTER TABLE refresh_families ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';

-- An account that had a second factor has proven it at every sign-in, and one without got no cloud.
UPDATE refresh_families SET amr = 'pwd otp mfa'
WHERE ' ' || scope || ' ' LIKE '% cloud %' OR EXISTS (
    SELECT 1 FROM enrolments
    WHERE enrolments.subject = refresh_families.subject AND enrolments.kind = 'totp'
        AND enrolments.enrolled_at <= refresh_families.created_at
);
-- Codes live for a minute, and what waits for one for a quarter of an hour.
UPDATE authorization_grants SET amr = 'pwd' WHERE progress = 'approved';
UPDATE device_grants SET amr = 'pwd' WHERE progress = 'approved';
