-- What the issuer says to PostgreSQL in a refresh, statement by statement, for pgbench: each client follows a chain of its
-- own, from generation :at on. The digest is made by the server here, which costs it next to nothing.
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT id, name, kind FROM clients WHERE id = 'app_EMoamEEZ73f0CkXaXp7hrann';
SELECT * FROM refresh_families WHERE id = (SELECT family_id FROM refresh_tokens WHERE digest = sha256(convert_to('bench-' || :run::text || '-' || :client_id::text || '-' || :at::text, 'UTF8'))) FOR UPDATE;
SELECT * FROM refresh_tokens WHERE digest = sha256(convert_to('bench-' || :run::text || '-' || :client_id::text || '-' || :at::text, 'UTF8'));
SELECT * FROM users WHERE subject = (SELECT subject FROM refresh_families WHERE id NOT LIKE 'bench-%' LIMIT 1);
SELECT w.*, m.role FROM workspaces w JOIN members m ON m.workspace_id = w.id LIMIT 1;
UPDATE refresh_families SET generation = :at::bigint + 1, last_anonymous = COALESCE(:at::bigint + 1, last_anonymous) WHERE id = 'bench-' || :run::text || '-' || :client_id::text AND generation = :at::bigint AND status = 'live';
UPDATE refresh_tokens SET superseded_at = CASE WHEN generation = :at::bigint THEN 1800000000 ELSE superseded_at END, sealed_successor = CASE WHEN generation = :at::bigint THEN decode(repeat('ab', 75), 'hex') END, attempt = CASE WHEN generation = :at::bigint THEN NULL ELSE attempt END, confirmed_at = CASE WHEN generation = :at::bigint THEN confirmed_at ELSE 1800000000 END WHERE family_id = 'bench-' || :run::text || '-' || :client_id::text AND generation >= :at::bigint - 1;
INSERT INTO refresh_tokens (digest, family_id, generation, issued_at) VALUES (sha256(convert_to('bench-' || :run::text || '-' || :client_id::text || '-' || (:at::bigint + 1)::text, 'UTF8')), 'bench-' || :run::text || '-' || :client_id::text, :at::bigint + 1, 1800000000);
COMMIT;
\set at :at + 1
