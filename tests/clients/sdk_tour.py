"""Calls all seven methods of UpHunt's own Python SDK, on good and on bad input, then each older path by plain HTTP.

Environment: APPLYD_URL, APPLYD_KEY. Argument: a job id. Prints the last status answer as one line of JSON.
Every answer is held against the wire contract: which members it has, of which types, which error it is.
"""

import json
import os
import re
import sys

import httpx
from sdk_apply import COVER_LETTER, KEYS, check_nulls, poll
from uphunt import UpHunt, UpHuntError

UNKNOWN_QUEUE = "queue_01JD8Z0R7N5Q3T9V2X4B6C8D0F"
UNKNOWN_UUID = "5b3c6d0e-7a1f-4c2b-9d4e-8f0a1b2c3d4e"
NUMBER = (int, float)
TEXT = (str,)
MAYBE = (str, int, float, bool, dict, list, type(None))
ISO = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def members(value, shape, path="$"):
    """The object has exactly these members, of these types."""
    assert isinstance(value, dict), (path, value)
    assert set(value) == set(shape), (path, sorted(value), sorted(shape))
    for name, types in shape.items():
        if isinstance(types, dict):
            members(value[name], types, f"{path}.{name}")
        else:
            assert isinstance(value[name], types), (f"{path}.{name}", value[name])


def refused(code, text, call, **more):
    """The call is refused with this status and text; answers the body."""
    try:
        answer = call(**more)
    except UpHuntError as error:
        assert error.status_code == code, (error.status_code, error.body)
        assert isinstance(error.body, dict) and str(error) == error.body["error"], error.body
        assert text is None or error.body["error"] == text, error.body
        return error.body
    raise AssertionError(f"not refused: {answer}")


def applying(client, job_id):
    """apply and status."""
    accepted = client.apply(
        job_id=job_id, cover_letter=COVER_LETTER, proposal={"hourlyRate": 65, "timeline": "1 to 3 months"}
    )
    shape = {"success": (bool,), "queueId": TEXT, "jobId": TEXT, "processedJobId": TEXT, "applicationStatus": TEXT}
    members(accepted, {**shape, "creditsRemaining": (int,)})
    end = poll(client, accepted["queueId"])
    check_nulls(end)
    assert client.status(job_id=job_id) == end
    assert client.status(job_id=accepted["processedJobId"]) == end
    again = refused(409, "Already applied to this job", client.apply, job_id=job_id, cover_letter="Hi")
    assert (again["queueId"], again["applicationStatus"]) == (accepted["queueId"], "applied"), again
    refused(400, None, client.apply, job_id="no job", cover_letter="Hi")
    refused(400, None, client.apply, job_id=job_id, cover_letter=None)
    refused(422, None, client.apply, job_id=job_id, cover_letter="  ")
    refused(404, "Job not found", client.apply, job_id=UNKNOWN_UUID, cover_letter="Hi")
    soon = refused(422, None, client.apply, job_id=job_id, cover_letter="Hi", proposal={"timeline": "soon"})
    assert soon["field"] == "proposal.timeline", soon
    refused(422, None, client.apply, job_id=job_id, cover_letter="Hi", profile_id="pf_of_nobody")
    refused(404, "Application not found", client.status, queue_id=UNKNOWN_QUEUE)
    refused(404, "Application not found", client.status, queue_id="queue_abc123")
    both = "Provide either queueId or jobId, not both"
    refused(400, both, client.status)
    refused(400, both, client.status, queue_id=UNKNOWN_QUEUE, job_id=job_id)
    return end


def listing(client, end):
    """applied_jobs."""
    page = client.applied_jobs()
    members(page, {"jobs": (list,), "total": (int,), "limit": (int,), "offset": (int,), "hasMore": (bool,)})
    assert (page["limit"], page["offset"], page["hasMore"]) == (50, 0, False), page
    assert page["total"] == len(page["jobs"]) == 1, page
    item = page["jobs"][0]
    assert set(item) == {*KEYS, "title"} and {key: item[key] for key in KEYS} == end, item
    assert item["title"] is None or isinstance(item["title"], str), item
    assert client.applied_jobs(status="failed")["total"] == 0
    past = client.applied_jobs(limit=1, offset=1, status="applied")
    assert (past["jobs"], past["total"], past["hasMore"]) == ([], 1, False), past
    for wrong in ({"limit": 0}, {"limit": 101}, {"offset": -1}, {"status": "done"}):
        refused(422, None, client.applied_jobs, **wrong)


def people(client):
    """freelancers."""
    answer = client.freelancers()
    members(answer, {"freelancers": (list,)})
    for freelancer in answer["freelancers"]:
        members(freelancer, {"id": TEXT, "name": TEXT, "profiles": (list,)})
        for profile in freelancer["profiles"]:
            members(profile, {"profileId": TEXT, "title": TEXT, "hourlyRate": NUMBER, "isDefault": (bool,)})
        assert sum(profile["isDefault"] for profile in freelancer["profiles"]) == 1, freelancer


def letters(client, job_id):
    """generate_proposal."""
    shape = {"proposal": TEXT, "model": TEXT, "reasoningEffort": TEXT}
    for given in ({"job_id": job_id}, {"job_title": "Rust developer", "job_description": "Mend our queue."}):
        answer = client.generate_proposal(**given)
        members(answer, shape)
        assert 1 <= len(answer["proposal"]) <= 5000 and answer["reasoningEffort"] == "medium", answer
        assert answer["model"] == "template", answer
    assert client.generate_proposal(job_id=job_id, reasoning_effort="high")["reasoningEffort"] == "high"
    for incomplete in ({}, {"job_title": "Rust developer"}, {"job_description": "Mend our queue."}):
        refused(400, None, client.generate_proposal, **incomplete)
    refused(404, None, client.generate_proposal, job_id=UNKNOWN_UUID)
    refused(422, None, client.generate_proposal, job_id=job_id, feed_id="of nobody")
    refused(422, None, client.generate_proposal, job_id=job_id, reasoning_effort="utmost")


def data(client, job_id):
    """get_job and get_client_jobs; answers the company."""
    job = client.get_job(job_id)
    members(
        job,
        {
            "ciphertext": TEXT,
            "processedJobId": TEXT,
            "lastSyncedAt": (int,),
            "jobDetailsResponse": {"data": {"jobPubDetails": (dict,)}},
            "authJobDetailsResponse": {"data": {"jobAuthDetails": (dict,)}},
        },
    )
    public = job["jobDetailsResponse"]["data"]["jobPubDetails"]
    members(public, {name: MAYBE for name in ("opening", "buyer", "qualifications", "similarJobs")})
    members(public["opening"]["info"], {"ciphertext": TEXT, "id": TEXT, "type": TEXT, "title": TEXT})
    assert public["opening"]["info"]["ciphertext"] == job["ciphertext"], job
    assert ISO.match(public["opening"]["postedOn"]), public["opening"]
    company = public["buyer"]["company"]["companyId"]
    private = job["authJobDetailsResponse"]["data"]["jobAuthDetails"]
    assert private["buyer"]["info"]["company"]["companyId"] == company, private
    client_jobs = client.get_client_jobs(company)
    lists = ("openJobs", "workHistory", "archivedCiphers", "archivedJobIds")
    members(
        client_jobs,
        {"companyId": TEXT, "lastSyncedAt": (int,), "buyer": (dict,), **{name: (list,) for name in lists}},
    )
    assert client_jobs["companyId"] == company and job["ciphertext"] in client_jobs["archivedCiphers"], client_jobs
    assert job["processedJobId"] in client_jobs["archivedJobIds"], client_jobs
    assert {opening["type"] for opening in client_jobs["openJobs"]} <= {"FIXED", "HOURLY"}, client_jobs
    for call, status, code in (
        (lambda: client.get_job("~029000000000000000016"), 404, "not_found"),
        (lambda: client.get_client_jobs("1"), 404, "not_found"),
        (lambda: client.get_job(None), 400, "invalid_request"),
    ):
        body = refused(status, code, call)
        assert isinstance(body["message"], str), body
    return company


def older_paths(client, job_id, company, end):
    """Each alias answers as its target does."""
    with httpx.Client(base_url=os.environ["APPLYD_URL"], headers={"x-api-key": os.environ["APPLYD_KEY"]}) as http:
        read, jobs = client.get_job(job_id), client.get_client_jobs(company)
        for version in ("v1", "v2"):
            assert http.get(f"/api/{version}/jobs/by-ciphertext", params={"cipher": job_id}).json() == read
            assert http.get(f"/api/{version}/jobs/{job_id}").json() == read
            assert http.get(f"/api/{version}/clients/{company}/jobs").json() == jobs
            missing = http.get(f"/api/{version}/jobs/by-ciphertext")
            assert (missing.status_code, missing.json()["error"]) == (400, "invalid_request"), missing.text
        assert http.get("/api/auto-apply/external/freelancers").json() == client.freelancers()
        body = {"jobId": job_id, "coverLetter": "Hi", "applicationOptions": {"hourlyRate": 65}, "feedId": "feed_1"}
        again = http.post("/api/auto-apply/external", json=body)
        assert (again.status_code, again.json()["queueId"]) == (409, end["queueId"]), again.text
        wrong = http.post("/api/auto-apply/external", json={**body, "applicationOptions": {"timeline": "soon"}})
        assert (wrong.status_code, wrong.json()["field"]) == (422, "applicationOptions.timeline"), wrong.text


def strangers():
    """No call goes without a valid key, and data reads say so by a code."""
    with UpHunt(api_key="sk_uphunt_wrong", base_url=os.environ["APPLYD_URL"]) as client:
        for call in (
            lambda: client.status(queue_id=UNKNOWN_QUEUE),
            lambda: client.apply(job_id="~021", cover_letter="Hi"),
            client.applied_jobs,
            client.generate_proposal,
            client.freelancers,
        ):
            refused(401, "Invalid x-api-key", call)
        for call in (lambda: client.get_job("~021"), lambda: client.get_client_jobs("1")):
            assert refused(401, "unauthorized", call)["message"] == "Invalid x-api-key"


def main():
    job_id = sys.argv[1]
    with UpHunt(api_key=os.environ["APPLYD_KEY"], base_url=os.environ["APPLYD_URL"]) as client:
        end = applying(client, job_id)
        listing(client, end)
        people(client)
        letters(client, job_id)
        company = data(client, job_id)
        older_paths(client, job_id, company, end)
    strangers()
    print(json.dumps(end, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
