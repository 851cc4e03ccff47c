-- Which session handed this one over: a stolen one takes with it what its thief may have begun.
ALTER TABLE refresh_families ADD COLUMN handed_over_by TEXT;
CREATE INDEX refresh_families_by_source ON refresh_families (handed_over_by) WHERE handed_over_by IS NOT NULL;
