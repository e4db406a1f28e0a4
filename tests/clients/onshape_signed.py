"""onshape-client 1.6.3, which signs its requests, against the simulated Onshape."""
import os
import sys

from onshape_client.client import Client

receiver = sys.argv[1]
client = Client(keys_file=None, configuration={
    "base_url": os.environ["ONSHAPE_BASE_URL"],
    "access_key": os.environ["ONSHAPE_ACCESS_KEY"],
    "secret_key": os.environ["ONSHAPE_SECRET_KEY"],
})
base = os.environ["ONSHAPE_BASE_URL"]


def call(method, path, body=None, query=None):
    response = client.api_client.request(
        method, base + path, query_params=query or {}, body=body,
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        _preload_content=False)
    import json
    return json.loads(response.data)


created = call("POST", "/api/webhooks", {
    "url": receiver, "events": ["onshape.revision.created"], "companyId": "c1",
    "options": {"collapseEvents": False}, "isTransient": False})
assert created["events"] == ["onshape.revision.created"], created
hook = "/api/webhooks/" + created["id"]
assert call("GET", hook)["isTransient"] is False
page = call("GET", "/api/webhooks", query={"company": "c1", "limit": 20})
assert [item["id"] for item in page["items"]] == [created["id"]], page
updated = call("POST", hook, {"id": created["id"], "description": "d", "options": {"collapseEvents": True}})
assert updated["description"] == "d" and updated["options"]["collapseEvents"] is True, updated
call("POST", hook + "/ping")
call("DELETE", hook)
assert call("GET", "/api/webhooks")["items"] == []

# The generated methods of its API, too.
listed = client.webhooks_api.get_webhooks(_preload_content=False)
assert listed.status == 200, listed.status
print("onshape-client: ok")
