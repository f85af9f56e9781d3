"""Applies by UpHunt's own Python SDK and polls to the end. Only `base_url` differs from its documented use.

Environment: APPLYD_URL, APPLYD_KEY. Argument: a job id. Prints the last status answer as one line of JSON.
"""

import json
import os
import sys
import time

from uphunt import UpHunt, UpHuntError

POLL_S = 0.2  # UpHunt advises 5 s against its own service; a test does not want to wait that long.
LIMIT_S = 60
COVER_LETTER = "Hello, I have built systems like this one – a naïve test says so. 你好"
KEYS = [
    "jobId",
    "processedJobId",
    "applicationStatus",
    "applicationStatusMessage",
    "queueId",
    "appliedAt",
    "processedAt",
    "errorMessage",
]


def poll(client, queue_id):
    """The first status answer that is an end."""
    give_up = time.monotonic() + LIMIT_S
    while time.monotonic() < give_up:
        answer = client.status(queue_id=queue_id)
        assert list(answer) == KEYS, answer
        assert answer["queueId"] == queue_id, answer
        if answer["applicationStatus"] != "processing":
            return answer
        assert answer["appliedAt"] is None and answer["errorMessage"] is None, answer
        time.sleep(POLL_S)
    raise SystemExit(f"{queue_id}: no end within {LIMIT_S} s")


def check_nulls(answer):
    """Success has its time and no error; every other end has an error and no time."""
    if answer["applicationStatus"] == "applied":
        assert isinstance(answer["appliedAt"], int) and isinstance(answer["processedAt"], int), answer
        assert answer["processedAt"] <= answer["appliedAt"], answer
        assert answer["errorMessage"] is None, answer
    else:
        assert answer["appliedAt"] is None, answer
        assert isinstance(answer["errorMessage"], str), answer


def check_conflict(client, job_id, queue_id):
    """A second application for the job is refused, and the refusal names the first."""
    try:
        client.apply(job_id=job_id, cover_letter=COVER_LETTER)
    except UpHuntError as error:
        assert error.status_code == 409, (error.status_code, error.body)
        assert error.body["queueId"] == queue_id, error.body
        assert str(error) == error.body["error"] == "Already applied to this job", error.body
    else:
        raise AssertionError("a second application for the same job was accepted")


def main():
    job_id = sys.argv[1]
    with UpHunt(api_key=os.environ["APPLYD_KEY"], base_url=os.environ["APPLYD_URL"]) as client:
        accepted = client.apply(job_id=job_id, cover_letter=COVER_LETTER, proposal={"hourlyRate": 65})
        assert accepted["success"] is True, accepted
        assert isinstance(accepted["creditsRemaining"], int), accepted
        answer = poll(client, accepted["queueId"])
        check_nulls(answer)
        if answer["applicationStatus"] == "applied":
            check_conflict(client, job_id, accepted["queueId"])
            assert client.status(job_id=job_id) == answer
    print(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
