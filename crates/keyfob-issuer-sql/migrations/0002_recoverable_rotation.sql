-- Whether the successor of a spent token arrived, and whose retry may have it again. A spent token keeps its digest until
-- its family ends, so that its reuse is recognised; its sealed successor goes as soon as that was itself presented.

ALTER TABLE refresh_families ADD COLUMN last_anonymous INTEGER;
ALTER TABLE refresh_tokens ADD COLUMN attempt BLOB;
ALTER TABLE refresh_tokens ADD COLUMN confirmed_at INTEGER;
ALTER TABLE refresh_tokens ADD COLUMN replays INTEGER NOT NULL DEFAULT 0;

-- Every refresh so far came without an attempt id.
UPDATE refresh_families SET last_anonymous = generation WHERE generation > 0;
UPDATE refresh_tokens SET sealed_successor = NULL, confirmed_at = next.superseded_at
FROM refresh_tokens AS next
WHERE next.family_id = refresh_tokens.family_id AND next.generation = refresh_tokens.generation + 1
    AND next.superseded_at IS NOT NULL;
