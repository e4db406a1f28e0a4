"""onshape-rest-api-client, generated from Onshape's description, against the simulated Onshape."""
import base64
import os
import sys

from onshape_rest_api_client import AuthenticatedClient
from onshape_rest_api_client.api.webhook import (
    create_webhook, get_webhook, get_webhooks, ping_webhook, unregister_webhook, update_webhook)
from onshape_rest_api_client.models import BTWebhookParams

receiver = sys.argv[1]
keys = os.environ["ONSHAPE_ACCESS_KEY"] + ":" + os.environ["ONSHAPE_SECRET_KEY"]
client = AuthenticatedClient(
    base_url=os.environ["ONSHAPE_BASE_URL"] + "/api/v16", prefix="Basic",
    token=base64.b64encode(keys.encode()).decode(), raise_on_unexpected_status=True)

params = {"url": receiver, "events": ["onshape.model.lifecycle.createversion"], "documentId": "d1",
          "options": {"collapseEvents": False}, "isTransient": False, "data": "relay-7"}
created = create_webhook.sync_detailed(client=client, body=BTWebhookParams.from_dict(params)).parsed
assert created.url == receiver and created.data == "relay-7", created
got = get_webhook.sync_detailed(created.id, client=client).parsed
assert got.events == ["onshape.model.lifecycle.createversion"], got
page = get_webhooks.sync_detailed(client=client).parsed
assert [item.id for item in page.items] == [created.id], page
change = {"id": created.id, "description": "d", "options": {"collapseEvents": True}}
updated = update_webhook.sync_detailed(
    created.id, client=client, body=BTWebhookParams.from_dict(change)).parsed
assert updated.description == "d" and updated.options.collapse_events is True, updated
assert ping_webhook.sync_detailed(created.id, client=client).status_code == 200
assert unregister_webhook.sync_detailed(created.id, client=client).status_code == 200
assert get_webhooks.sync_detailed(client=client).parsed.items == []
print("onshape-rest-api-client: ok")
