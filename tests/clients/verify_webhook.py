"""Verifies one webhook as its receiver would, with the library of Standard Webhooks.

Reads {"secret", "headers", "body"} from stdin and prints the message that was proven.
"""

import json
import sys

from standardwebhooks.webhooks import Webhook

delivery = json.load(sys.stdin)
print(json.dumps(Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])))
