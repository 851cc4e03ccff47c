-- Sessions for pgbench, one a connection, as copies of one that a person began; see refresh.sql.
INSERT INTO refresh_families (id, client_id, subject, workspace_id, scope, auth_time, created_at, generation, status, amr)
SELECT 'bench-' || :run || '-' || n, client_id, subject, workspace_id, scope, auth_time, created_at, 0, 'live', amr
FROM (SELECT * FROM refresh_families WHERE id NOT LIKE 'bench-%' LIMIT 1) f, generate_series(0, :sessions - 1) n;
INSERT INTO refresh_tokens (digest, family_id, generation, issued_at)
SELECT sha256(convert_to('bench-' || :run || '-' || n || '-0', 'UTF8')), 'bench-' || :run || '-' || n, 0, 1800000000
FROM generate_series(0, :sessions - 1) n;
