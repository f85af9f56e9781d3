"""The quick start of UpHunt's Python SDK as its page shows it; only `base_url` and the job are given.

Environment: APPLYD_URL, APPLYD_KEY. Argument: a job. Prints the one status answer as one line of JSON.
"""

import json
import os
import sys

from uphunt import UpHunt

client = UpHunt(api_key=os.environ["APPLYD_KEY"], base_url=os.environ["APPLYD_URL"])

# Apply to a job
result = client.apply(
    job_id=sys.argv[1],
    cover_letter="Hi — I'd love to help with this project…",
    proposal={"hourlyRate": 65, "timeline": "1 to 3 months"},
)

# Poll status
status = client.status(queue_id=result["queueId"])
print(json.dumps(status))
