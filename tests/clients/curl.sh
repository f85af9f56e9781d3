#!/usr/bin/env bash
# Applies and polls by curl alone, with UpHunt's documented calls; only host and key differ.
#
# Environment: APPLYD_URL, APPLYD_KEY, APPLYD_POLL_MS (5000). Argument: a job id.
# Prints the last status answer as one line of JSON.
set -euo pipefail

job_id=$1
poll_s=$(awk -v ms="${APPLYD_POLL_MS:-5000}" 'BEGIN { print ms / 1000 }')
limit_s=300

# The string member $1 of the JSON object on stdin. Good enough for members whose values hold no quotes.
member() {
    sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"
}

accepted=$(curl --silent --show-error --fail-with-body -X POST "${APPLYD_URL%/}/api/auto-apply-v2/apply" \
    -H "x-api-key: $APPLYD_KEY" \
    -H "Content-Type: application/json" \
    -d "{\"jobId\": \"$job_id\", \"coverLetter\": \"Hello, this letter was sent by curl.\", \"proposal\": {\"hourlyRate\": 65}}") ||
    { echo "apply: $accepted" >&2; exit 1; }
queue_id=$(member queueId <<<"$accepted")

while ((SECONDS < limit_s)); do
    answer=$(curl --silent --show-error --fail-with-body \
        "${APPLYD_URL%/}/api/auto-apply-v2/status?queueId=$queue_id" -H "x-api-key: $APPLYD_KEY") ||
        { echo "status: $answer" >&2; exit 1; }
    if [[ $(member applicationStatus <<<"$answer") != processing ]]; then
        echo "$answer"
        exit 0
    fi
    sleep "$poll_s"
done
echo "$queue_id: no end within $limit_s s" >&2
exit 1
