-- What one acceptance asks the store for (queue::accept), by pgbench; each client has an account of its own, so that none
-- waits for another. The program sends the first lines and the last two in one piece each. Planner and limits are set by
-- the connection. A colon before a name would be pgbench's.
\set job random(1, 9000000000000000)
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT id AS account, 'account:' || id AS scope, 'channel' || chr(58) || 'sandbox' AS channel, CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now, 'queue_' || lpad(to_hex(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)), 12, '0') AS id FROM account WHERE name = 'bench-' || :client_id \gset
INSERT INTO write_group (id, fenced, at) VALUES (md5(random()::text), 0, :now);
SAVEPOINT one;
SELECT p.id, p.hourly_rate_cents, f.id FROM profile p JOIN freelancer f ON f.account_id = p.account_id AND f.id = p.freelancer_id WHERE p.account_id = :account AND p.is_default = 1 ORDER BY f.position LIMIT 1;
SELECT id, state, processed_job_id FROM application WHERE account_id = :account AND job_key = '~02' || :job AND ((state <> 'failed' AND state <> 'not_available' AND state <> 'not_eligible' AND state <> 'not_enough_connects' AND state <> 'logged_out') OR (code = 'unresolved' AND guard_cleared_at IS NULL));
SELECT id, state, processed_job_id FROM application WHERE account_id = :account AND job_key = '~02' || :job AND (state = 'failed' OR state = 'not_available' OR state = 'not_eligible' OR state = 'not_enough_connects' OR state = 'logged_out') ORDER BY id DESC LIMIT 1;
SELECT available, held FROM account WHERE id = :account;
SELECT value FROM meta WHERE name = 'verify_only';
SELECT processed_job_id FROM stored_job WHERE account_id = :account AND job_key = '~02' || :job;
UPDATE account SET available = available - 1, held = held + 1, spent = spent + 0, applications = applications + 1 WHERE id = :account AND available - 1 >= 0 AND held + 1 >= 0;
INSERT INTO ledger_entry (account_id, application_id, kind, amount, at) VALUES (:account, :id || :job, 'hold', 1, :now);
INSERT INTO application (id, account_id, channel, job_key, processed_job_id, accepted_at, version, state, epoch, attempts, lost_leases, logins_renewed, not_before, cutoff, deadline, negative_reads, due_at, request, key_id, ceiling_connects, policy, approve_by, approval_sha256, approval_expires_at) VALUES (:id || :job, :account, 'sandbox', '~02' || :job, gen_random_uuid()::text, :now, 1, 'queued', 0, 0, 0, 0, :now, CAST(:now AS BIGINT) + 200000, CAST(:now AS BIGINT) + 270000, 0, CAST(:now AS BIGINT) + 270000, '{"jobId":"~0221000000000000001","coverLetter":"Hello from the bench: a letter of a usual kind, some lines long, with a greeting, what was done before, and a question about the job.","proposal":{"hourlyRate":65}}', 'key_01M89S0H7V2499R2MZMPHVK56S', NULL, 'none', CAST(:now AS BIGINT) + 86400000, NULL, NULL);
SELECT scope, reason, set_by, at FROM pause WHERE scope = 'all' OR scope = :channel OR scope = :scope ORDER BY at, scope LIMIT 1;
SELECT model FROM letter WHERE account_id = :account AND sha256 = md5(:job) || md5(:job) AND at > CAST(:now AS BIGINT) - 2592000000;
RELEASE SAVEPOINT one;
COMMIT;
