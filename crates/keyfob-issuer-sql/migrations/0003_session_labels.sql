-- A family as its person sees it: what they call it, and where it came from when it began.

ALTER TABLE refresh_families ADD COLUMN name TEXT;
ALTER TABLE refresh_families ADD COLUMN tool TEXT;
ALTER TABLE refresh_families ADD COLUMN machine TEXT;
ALTER TABLE refresh_families ADD COLUMN place TEXT;
CREATE INDEX refresh_families_by_subject ON refresh_families (subject, status);
