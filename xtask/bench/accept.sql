\set n random(1, 100)
\set job random(1, 9000000000000000)
SELECT id AS account FROM account WHERE name = 'bench-' || :n - 1 \gset
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO write_group (id, fenced, at) VALUES (md5(random()::text), 0, 1);
SELECT p.id, p.hourly_rate_cents, f.id FROM profile p JOIN freelancer f ON f.account_id = p.account_id AND f.id = p.freelancer_id WHERE p.account_id = :account AND p.is_default = 1 ORDER BY f.position LIMIT 1;
SELECT id, state, processed_job_id FROM application WHERE account_id = :account AND job_key = '~03' || :job AND ((state <> 'failed' AND state <> 'not_available' AND state <> 'not_eligible' AND state <> 'not_enough_connects' AND state <> 'logged_out') OR (code = 'unresolved' AND guard_cleared_at IS NULL));
SELECT id, state, processed_job_id FROM application WHERE account_id = :account AND job_key = '~03' || :job AND (state = 'failed' OR state = 'not_available' OR state = 'not_eligible' OR state = 'not_enough_connects' OR state = 'logged_out') ORDER BY id DESC LIMIT 1;
SELECT available, held FROM account WHERE id = :account;
SELECT value FROM meta WHERE name = 'verify_only';
SELECT processed_job_id FROM stored_job WHERE account_id = :account AND job_key = '~03' || :job;
UPDATE account SET available = available - 1, held = held + 1, applications = applications + 1 WHERE id = :account AND available - 1 >= 0;
INSERT INTO ledger_entry (account_id, application_id, kind, amount, at) VALUES (:account, 'bench_' || :job, 'hold', 1, 1);
INSERT INTO application (id, account_id, channel, job_key, processed_job_id, accepted_at, version, state, epoch, attempts, lost_leases, logins_renewed, not_before, cutoff, deadline, negative_reads, due_at, request) VALUES ('bench_' || :job, :account, 'sandbox', '~03' || :job, md5(:job::text), 1, 1, 'queued', 0, 0, 0, 0, 1, 1, 1, 0, 9000000000000, '{"jobId":"~0221000000000000001","coverLetter":"Hello"}');
SELECT scope, reason, set_by, at FROM pause WHERE scope = 'all' OR scope = 'channel:sandbox' OR scope = 'account:' || :account ORDER BY at, scope LIMIT 1;
SELECT model FROM letter WHERE account_id = :account AND sha256 = md5(:job::text) AND at > 1;
COMMIT;
