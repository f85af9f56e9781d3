"""One application against the stand-in, by the official MCP client of Python.

Usage: mcp_client.py http://127.0.0.1:PORT/mcp JOB_ID
Prints one JSON line with what each step gave.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlparse

import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

LOGIN_HINT = "acct_foreign"


class Storage:
    """Tokens and registration, for as long as this process lives."""

    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Browser:
    """Follows the consent redirect by itself; the redirect address need not exist."""

    location = None

    async def open(self, url):
        async with httpx2.AsyncClient(follow_redirects=False) as http:
            answer = await http.get(f"{url}&login_hint={LOGIN_HINT}")
        if answer.status_code != 302:
            raise RuntimeError(f"authorize answered {answer.status_code}: {answer.text}")
        self.location = answer.headers["location"]

    async def result(self):
        query = parse_qs(urlparse(self.location).query)
        return AuthorizationCodeResult(code=query["code"][0], state=query["state"][0])


async def call(client, name, arguments):
    result = await client.call_tool(f"upwork__{name}", arguments)
    document = json.loads(result.content[0].text)
    if result.structured_content is not None and result.structured_content != document:
        raise RuntimeError(f"{name}: text and structuredContent differ")
    return document


async def apply(url, job_id):
    browser = Browser()
    login = OAuthClientProvider(
        server_url=url,
        client_metadata=OAuthClientMetadata(
            client_name="foreign",
            redirect_uris=["http://127.0.0.1:9/callback"],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            token_endpoint_auth_method="none",
        ),
        storage=Storage(),
        redirect_handler=browser.open,
        callback_handler=browser.result,
    )
    async with (
        httpx2.AsyncClient(auth=login, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        tools = await client.list_tools()
        accounts = await call(client, "list_accounts", {})
        org_uid = accounts["accounts"][0]["org_uid"]

        def arguments(action, **params):
            return {"action": action, "org_uid": org_uid, "params": params}

        job = await call(client, "find_jobs", arguments("get", id=job_id))
        numeric_id = job["data"]["marketplaceJobPosting"]["id"]
        created = await call(
            client,
            "manage_proposals",
            arguments("create", job_reference=numeric_id, cover_letter="A foreign letter.", charged_amount=65),
        )
        preview_id = created["preview_id"]
        preview = await call(client, "get_preview", arguments("get", type="proposal", id=preview_id))
        confirmed = await call(
            client, "confirm_preview", arguments("confirm", type="proposal", preview_id=preview_id)
        )
        proposals = await call(
            client, "list_freelancer_proposals", arguments("list", status="Pending", limit=10)
        )
        return {
            "protocolVersion": client.protocol_version,
            "server": client.server_info.name,
            "tools": len(tools.tools),
            "orgUid": org_uid,
            "jobId": numeric_id,
            "preview": preview["params"],
            "confirm": confirmed,
            "listed": [edge["node"]["id"] for edge in proposals["data"]["vendorProposals"]["edges"]],
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(apply(sys.argv[1], sys.argv[2]))))
