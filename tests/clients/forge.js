// forge-apis and forge-server-utils against the simulated APS.
const assert = require('assert');
const { WebhooksClient } = require('forge-server-utils');
const { ApiClient, AuthClientTwoLeggedV2, WebhooksApi } = require('forge-apis');

const receiver = process.argv[2];
const base = process.env.APS_BASE_URL;
const [id, secret] = [process.env.APS_CLIENT_ID, process.env.APS_CLIENT_SECRET];

async function serverUtils() {
    const client = new WebhooksClient({ client_id: id, client_secret: secret }, base);
    const hook = await client.createHook('data', 'dm.version.added', {
        callbackUrl: receiver, scope: { folder: 'urn:f' }, hookAttribute: { a: 1 } });
    const details = await client.getHookDetails('data', 'dm.version.added', hook);
    assert.deepStrictEqual(details.hookAttribute, { a: 1 });
    assert.strictEqual((await client.listHooks('data', 'dm.version.added')).length, 1);
    await client.updateHook('data', 'dm.version.added', hook, { status: 'inactive' });
    assert.strictEqual((await client.getHookDetails('data', 'dm.version.added', hook)).status, 'inactive');
    await client.deleteHook('data', 'dm.version.added', hook);
    const all = await client.createHook('derivative', undefined, {
        callbackUrl: receiver, scope: { workflow: 'w' } });
    assert.strictEqual(all.length, 2);
    for (const made of all) await client.deleteHook(made.system, made.event, made.hookId);
    console.log('forge-server-utils: ok');
}

async function apis() {
    const api = new ApiClient(base);
    ApiClient.instance = api;
    const auth = new AuthClientTwoLeggedV2(id, secret, ['data:read', 'data:write'], true, api);
    const credentials = await auth.authenticate();
    const hooks = new WebhooksApi(api);
    const made = await hooks.CreateSystemEventHook(
        'data', 'dm.folder.added', receiver, { folder: 'urn:f' }, {}, auth, credentials);
    assert.strictEqual(made.statusCode, 201);
    const hook = made.headers.location.split('/').pop();
    const got = await hooks.GetHook('data', 'dm.folder.added', hook, {}, auth, credentials);
    assert.strictEqual(got.body.callbackUrl, receiver);
    const listed = await hooks.GetHooks({}, auth, credentials);
    assert.strictEqual(listed.body.data.length, 1);
    await hooks.UpdateSystemEventHook(
        'data', 'dm.folder.added', hook, { filter: '$.x' }, {}, auth, credentials);
    await hooks.DeleteHook('data', 'dm.folder.added', hook, {}, auth, credentials);
    console.log('forge-apis: ok');
}

serverUtils().then(apis).catch((error) => {
    console.error(error);
    process.exit(1);
});
