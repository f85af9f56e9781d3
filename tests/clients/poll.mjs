// Applies by fetch (Node.js 18 or newer) and polls as UpHunt's documentation describes it: one GET every five
// seconds for at most five minutes, whatever the HTTP code, until the status is one of the six ends.
//
// Environment: APPLYD_URL, APPLYD_KEY, APPLYD_POLL_MS (5000). Argument: a job id.
// Prints the last status answer as one line of JSON.

const ENDS = new Set(["applied", "failed", "not_available", "not_eligible", "not_enough_connects", "logged_out"]);
const LIMIT_MS = 300_000;
const POLL_MS = Number(process.env.APPLYD_POLL_MS ?? 5000);
const base = process.env.APPLYD_URL.replace(/\/$/, "");
const headers = { "x-api-key": process.env.APPLYD_KEY };

async function apply(jobId) {
  const response = await fetch(`${base}/api/auto-apply-v2/apply`, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ jobId, coverLetter: "Hello, this letter was sent by fetch.", proposal: { hourlyRate: 65 } }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`apply: ${response.status} ${answer.error}`);
  return answer.queueId;
}

// On purpose without a look at the HTTP code and without escaping: callers that exist do neither.
async function end(queueId) {
  for (const since = Date.now(); Date.now() - since < LIMIT_MS; ) {
    const response = await fetch(`${base}/api/auto-apply-v2/status?queueId=${queueId}`, { headers });
    const answer = await response.json();
    if (ENDS.has(answer.applicationStatus)) return answer;
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  throw new Error(`${queueId}: no end within ${LIMIT_MS / 1000} s`);
}

console.log(JSON.stringify(await end(await apply(process.argv[2]))));
