/** The management API's contract: the same for every noun, held over a real database and real HTTP. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openAdmin, rootToken } from "../../test/admin/open-admin.ts";
import type { TestAdmin } from "../../test/admin/open-admin.ts";
import { bootstrapAccounts, offerSetupLink } from "./bootstrap.ts";

const channel = {
  name: "one",
  provider: "openai",
  models: ["gpt-4o"],
  credentials: ["sk-upstream-secret"],
};

/** A body that each noun takes, and one edit of it. */
const samples = {
  channels: { create: channel, edit: { weight: 7 } },
  groups: { create: { symbol: "vip" }, edit: { ratio: "1.5" } },
  keys: { create: { name: "k" }, edit: { models: ["gpt-*"] } },
  users: { create: { username: "ann" }, edit: { status: "disabled" } },
  prices: {
    create: { model: "gpt-4o", mode: "tokens", input: "2.5", output: 10 },
    edit: { output: "12.000000001" },
  },
  models: { create: { model: "gpt-4o" }, edit: { owner: "acme" } },
} as const;

for (const engine of SQL_ENGINES)
  test(
    `every noun: create, read, list, edit, guard against lost updates, delete: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      for (const [noun, { create, edit }] of Object.entries(samples)) {
        const path = `/api/${noun}`;
        const made = await admin.ask("POST", path, create);
        assert.equal(made.status, 201, `${noun}: ${made.text}`);
        const { id } = made.body.data;
        assert.equal(made.body.revision, made.body.data.rev);
        const one = await admin.ask("GET", `${path}/${id}`);
        assert.equal(one.headers.get("etag"), `"${made.body.revision}"`);
        const { key: _once, ...shown } = made.body.data;
        assert.deepEqual(one.body.data, shown, noun);
        const list = await admin.ask("GET", `${path}?limit=1000`);
        assert.deepEqual(
          list.body.data.find((row: { id: number }) => row.id === id),
          shown,
        );
        assert.equal(list.body.nextCursor, null);

        const edited = await admin.ask("PATCH", `${path}/${id}`, edit, {
          headers: { "if-match": `"${made.body.revision}"` },
        });
        assert.equal(edited.status, 200, edited.text);
        assert.ok(edited.body.revision > made.body.revision);
        for (const [name, value] of Object.entries(edit))
          assert.deepEqual(edited.body.data[name], value, name);
        assert.deepEqual(await admin.must("GET", `${path}/${id}`), edited.body.data);
        const stale = await admin.ask("PATCH", `${path}/${id}`, edit, {
          headers: { "if-match": `"${made.body.revision}"` },
        });
        assert.deepEqual([stale.status, stale.body.code], [412, "precondition_failed"]);
        const staleDelete = await admin.ask("DELETE", `${path}/${id}`, undefined, {
          headers: { "if-match": `"${made.body.revision}"` },
        });
        assert.equal(staleDelete.status, 412);

        const gone = await admin.ask("DELETE", `${path}/${id}`);
        assert.deepEqual(
          [gone.status, gone.body.data, typeof gone.body.revision],
          [200, { id }, "number"],
        );
        for (const method of ["GET", "PATCH", "DELETE"])
          assert.equal(
            (await admin.ask(method, `${path}/${id}`, method === "GET" ? undefined : {})).status,
            404,
          );
        assert.equal((await admin.ask("GET", `${path}/abc`)).status, 404);
      }
    },
  );

test("what a node serves is what was written", async () => {
  await using admin = await openAdmin();
  const { id } = await admin.must("POST", "/api/channels", {
    ...channel,
    modelMapping: { "gpt-4o": "big" },
    priority: 3,
  });
  const served = admin.sync.current()?.channels.get(id);
  assert.deepEqual(
    [
      served?.name,
      served?.models,
      served?.groups,
      served?.priority,
      served?.modelMapping,
      served?.credentials.map((one) => one.secret),
    ],
    ["one", ["gpt-4o"], ["default"], 3, { "gpt-4o": "big" }, ["sk-upstream-secret"]],
  );
});

for (const engine of SQL_ENGINES)
  test(`a group is also meant by its symbol: ${engine}`, { skip: skipReason(engine) }, async () => {
    await using admin = await openAdmin({ engine });
    const made = await admin.must("POST", "/api/groups", { symbol: "vip/组", ratio: "2" });
    const path = `/api/groups/${encodeURIComponent("vip/组")}`;
    assert.deepEqual(await admin.must("GET", path), made);
    const edited = await admin.ask(
      "PATCH",
      path,
      { ratio: "3" },
      { headers: { "if-match": `"${made.rev}"` } },
    );
    assert.deepEqual([edited.status, edited.body.data.ratio], [200, "3"]);
    assert.equal((await admin.must("GET", `/api/groups/${made.id}`)).ratio, "3");
    assert.deepEqual(await admin.must("DELETE", path), { id: made.id });
    assert.equal((await admin.ask("GET", path)).status, 404);
    assert.equal((await admin.ask("GET", "/api/groups/default%20")).status, 404);
    const last = await admin.ask("DELETE", "/api/groups/default");
    assert.deepEqual([last.status, last.body.code], [409, "conflict"]);
  });

test("sync's state is answered once the node serves the revision asked for, or 409", async () => {
  await using admin = await openAdmin();
  const head = admin.sync.status().headRevision ?? 0;
  const waiting = admin.ask("GET", `/api/sync?reached=${head + 1}&timeout=10s`);
  const { revision } = (await admin.ask("POST", "/api/groups", { symbol: "next" })).body;
  const reached = await waiting;
  assert.equal(reached.status, 200);
  assert.ok(reached.body.data.appliedRevision >= revision);
  const early = await admin.ask("GET", `/api/sync?reached=${revision + 1}&timeout=50ms`);
  assert.deepEqual([early.status, early.body.code], [409, "conflict"]);
  assert.equal((await admin.ask("GET", "/api/sync?reached=x")).status, 422);
});

test("what the audit tells of an edit without members is no deletion", async () => {
  await using admin = await openAdmin();
  const { id } = await admin.must("POST", "/api/groups", { symbol: "same" });
  await admin.must("PATCH", `/api/groups/${id}`, {});
  await admin.must("DELETE", `/api/groups/${id}`);
  const [deleted, edited] = await admin.must("GET", "/api/audit?limit=2");
  assert.deepEqual(edited.detail, { before: {}, after: {} });
  assert.deepEqual([deleted.detail.before.symbol, deleted.detail.after], ["same", undefined]);
});

test("what has no such method says which it has, also to OPTIONS", async () => {
  await using admin = await openAdmin();
  for (const method of ["PUT", "OPTIONS", "DELETE"]) {
    const answer = await admin.ask(method, "/api/channels");
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, "GET, POST"], method);
  }
  assert.equal(
    (await admin.ask("GET", "/api")).headers.get("content-type"),
    "application/problem+json",
  );
});

test("unknown, unenforced and read-only fields are refused by name, and nothing is written", async () => {
  await using admin = await openAdmin();
  const cases: [string, object, string, RegExp][] = [
    ["channels", { ...channel, colour: "red" }, "colour", /not a known field/],
    ["channels", { ...channel, budget: {} }, "budget.amount", /is required/],
    ["channels", { ...channel, limits: {} }, "limits", /must be an array/],
    ["channels", { ...channel, costRatio: -1 }, "costRatio", /negative/],
    ["channels", { ...channel, costRatio: "0.1234567" }, "costRatio", /6 decimals/],
    ["channels", { ...channel, timeouts: { totalMs: 5 } }, "timeouts.totalMs", /not a known field/],
    ["channels", { ...channel, models: [] }, "models", /at least one/],
    ["channels", { ...channel, models: ["ok", ""] }, "models[1]", /must not be empty/],
    ["channels", { ...channel, provider: "nobody" }, "provider", /is not known; known are/],
    ["channels", { ...channel, provider: "custom" }, "baseUrl", /is required/],
    ["channels", { ...channel, groups: ["default", "nope"] }, "groups[1]", /does not exist/],
    ["channels", { ...channel, credentials: undefined }, "credentials", /is required/],
    ["channels", { ...channel, credentials: [1] }, "credentials[0]", /./],
    ["channels", { ...channel, credentials: ["sk-1\n"] }, "credentials[0]", /no line breaks/],
    ["channels", { ...channel, parameters: { stream: true } }, "parameters.stream", /answers for/],
    ["channels", { ...channel, headers: { Host: "x" } }, "headers.Host", /cannot be set here/],
    ["channels", { ...channel, name: "a\0b" }, "name", /NUL/],
    ["channels", { ...channel, models: "gpt-4o" }, "models", /must be an array/],
    ["channels", { ...channel, id: 5 }, "id", /read-only/],
    ["channels", { provider: "openai", models: ["m"], credentials: [] }, "name", /is required/],
    ["keys", { name: "k", budget: { amount: -1 } }, "budget.amount", /negative/],
    ["keys", { name: "k", budget: { amount: "0.0000000001" } }, "budget.amount", /9 decimals/],
    ["keys", { name: "k", budget: { amount: 1, period: "year" } }, "budget.period", /./],
    ["keys", { name: "k", budget: { amount: 1, timeZone: "Mars" } }, "budget.timeZone", /zone/],
    ["keys", { name: "k", limits: [{ of: "requests", amount: 0 }] }, "limits[0]", /positive/],
    ["keys", { name: "k", limits: [{ of: "requests", amount: 1.5 }] }, "limits[0]", /whole/],
    ["keys", { name: "k", key: "sk-mine" }, "key", /cannot be chosen/],
    ["keys", { name: "k", owner: 999 }, "owner", /no account/],
    ["keys", { name: "k", group: "nope" }, "group", /does not exist/],
    ["keys", { name: "k", ipRanges: ["10.0.0.0/99"] }, "ipRanges[0]", /./],
    ["keys", { name: "k", expiresAt: "tomorrow" }, "expiresAt", /./],
    ["keys", { name: "k", expiresAt: 1_893_456_000 }, "expiresAt", /not seconds/],
    ["keys", { name: "k", models: [] }, "models", /null allows all/],
    ["keys", { name: "k", ipRanges: [] }, "ipRanges", /null allows all/],
    ["groups", { symbol: "x", budget: {} }, "budget.amount", /is required/],
    ["groups", { symbol: "a b" }, "symbol", /./],
    ["users", { username: "x", budget: {} }, "budget.amount", /is required/],
    ["users", { username: "x", password: "secret" }, "password", /not enforced yet/],
    ["users", { username: "x", balance: 5 }, "balance", /read-only/],
    ["prices", { model: "m", mode: "tokens", input: 1, tiers: [{}] }, "tiers[0].above", /required/],
    [
      "prices",
      { model: "m", mode: "tokens", input: 1, effectiveFrom: "2030-01-01" },
      "effectiveFrom",
      /must be a time such as/,
    ],
    ["prices", { model: "m", mode: "tokens", input: 1, source: "me" }, "source", /read-only/],
    ["prices", { model: "m", mode: "tokens", input: "0.0000000001" }, "input", /9 decimals/],
    ["prices", { model: "m", mode: "tokens", input: -1 }, "input", /negative/],
    ["prices", { model: "m", mode: "call" }, "perCall", /required/],
    ["prices", { model: "m", mode: "call", perCall: 1, input: 1 }, "input", /no effect/],
    ["models", { model: "m", colour: 1 }, "colour", /not a known field/],
  ];
  const before = admin.sync.status().appliedRevision;
  for (const [noun, body, field, message] of cases) {
    const answer = await admin.ask("POST", `/api/${noun}`, body);
    const what = `${noun} ${JSON.stringify(body)}: ${answer.text}`;
    assert.deepEqual([answer.status, answer.body.code], [422, "validation_failed"], what);
    assert.equal(answer.headers.get("content-type"), "application/problem+json");
    const fault = answer.body.errors.find((one: { field: string }) => one.field === field);
    assert.match(fault?.message ?? "", message, what);
  }
  const settings = await admin.ask("PATCH", "/api/settings", { nonsense: 1 });
  assert.deepEqual([settings.status, settings.body.errors[0].field], [422, "nonsense"]);
  const query = await admin.ask("GET", "/api/channels?colour=red");
  assert.deepEqual([query.status, query.body.errors[0].field], [422, "colour"]);
  for (const path of [
    "/api/channels?limit=0",
    "/api/channels?limit=1001",
    "/api/channels?cursor=x",
    "/api/calls?cursor=x",
    "/api/calls?status=ok",
    "/api/keys?owner=me",
  ])
    assert.equal((await admin.ask("GET", path)).status, 422, path);
  assert.equal(admin.sync.status().appliedRevision, before);
  for (const bad of ["{", "[]", "3"])
    assert.equal((await admin.ask("POST", "/api/groups", bad)).status, 400);
});

test("PATCH merges: null restores the default, arrays are replaced, objects merge, the rest stays", async () => {
  await using admin = await openAdmin();
  const { id } = await admin.must("POST", "/api/channels", {
    ...channel,
    modelMapping: { a: "1", b: "2" },
    tag: "t",
    weight: 9,
    timeouts: { connectMs: 500, idleMs: 900 },
  });
  const path = `/api/channels/${id}`;
  const data = await admin.must("PATCH", path, {
    weight: null,
    tag: null,
    models: ["x", "y"],
    modelMapping: { b: null, c: "3" },
    timeouts: { idleMs: null },
  });
  assert.deepEqual(
    [data.weight, data.tag, data.models, data.modelMapping, data.timeouts, data.name],
    [1, null, ["x", "y"], { a: "1", c: "3" }, { connectMs: 500 }, "one"],
  );
  const required = await admin.ask("PATCH", path, { name: null });
  assert.deepEqual(
    [required.status, required.body.errors[0]],
    [422, { field: "name", message: "is required" }],
  );
});

test("credentials are written and never read; left out they are kept, and equal ones keep their rows", async () => {
  await using admin = await openAdmin();
  const { id } = await admin.must("POST", "/api/channels", {
    ...channel,
    credentials: ["s-one", "s-two", "s-three"],
  });
  const path = `/api/channels/${id}`;
  const served = () =>
    admin.sync
      .current()
      ?.channels.get(id)
      ?.credentials.map((one) => [one.id, one.secret]) ?? [];
  const before = served();
  assert.equal((await admin.must("PATCH", path, { weight: 2 })).credentialCount, 3);
  assert.deepEqual(served(), before);
  await admin.must("PATCH", path, { credentials: ["s-three", "s-new", "s-one"] });
  const after = served();
  assert.deepEqual(
    after.map(([, secret]) => secret),
    ["s-three", "s-new", "s-one"],
  );
  assert.deepEqual([after[0]?.[0], after[2]?.[0]], [before[2]?.[0], before[0]?.[0]]);
  assert.equal((await admin.ask("PATCH", path, { credentials: null })).status, 422);
  await admin.must("PATCH", path, { credentials: [] });
  assert.deepEqual(served(), []);
  await admin.must("DELETE", path);
  const rows = await admin.database.reads.selectFrom("credentials").selectAll().execute();
  assert.deepEqual(rows, []);
  const audit =
    (await admin.ask("GET", "/api/audit")).text + (await admin.ask("GET", "/api/channels")).text;
  assert.ok(!/s-one|s-two|s-new/.test(audit), audit);
});

test("a proxy's password is not shown, and an edit of something else keeps it", async () => {
  await using admin = await openAdmin();
  const data = await admin.must("POST", "/api/channels", {
    ...channel,
    proxy: "http://u:hunter2@proxy:8080",
  });
  assert.equal(data.proxy, "http://u:***@proxy:8080/");
  await admin.must("PATCH", `/api/channels/${data.id}`, { weight: 3 });
  assert.equal(admin.sync.current()?.channels.get(data.id)?.proxy, "http://u:hunter2@proxy:8080");
  const audit = await admin.ask("GET", "/api/audit");
  assert.ok(!audit.text.includes("hunter2"));
});

test("a key is shown once and works as the caller's", async () => {
  await using admin = await openAdmin();
  const made = await admin.must("POST", "/api/keys", {
    name: "k",
    expiresAt: "2090-01-01T00:00:00+01:00",
    ipRanges: ["10.0.0.0/8"],
  });
  assert.match(made.key, /^sk-[0-9A-Za-z]{59}$/);
  assert.equal(made.hint, made.key.slice(-4));
  assert.equal(made.expiresAt, "2089-12-31T23:00:00.000Z");
  const found = await admin.sync.findCaller(admin.sync.hashKey(made.key) ?? "");
  assert.ok(found.found);
  assert.deepEqual(
    [found.key.id, found.key.owner.username, found.key.ipRanges],
    [made.id, "root", ["10.0.0.0/8"]],
  );
  const rest = [
    await admin.ask("GET", "/api/keys"),
    await admin.ask("GET", `/api/keys/${made.id}`),
    await admin.ask("GET", "/api/audit"),
  ];
  for (const answer of rest) assert.ok(!answer.text.includes(made.key.slice(3)));
  const tables = JSON.stringify(
    await admin.database.reads.selectFrom("keys").select(["hash", "name", "hint"]).execute(),
  );
  assert.ok(!tables.includes(made.key.slice(3)));
});

test("groups: default stays, a used one stays, its symbol is its identity", async () => {
  await using admin = await openAdmin();
  const [byDefault] = await admin.must("GET", "/api/groups");
  assert.equal(byDefault.symbol, "default");
  assert.equal((await admin.ask("DELETE", `/api/groups/${byDefault.id}`)).status, 409);
  assert.equal(
    (await admin.ask("PATCH", `/api/groups/${byDefault.id}`, { enabled: false })).status,
    422,
  );
  const { id, name } = await admin.must("POST", "/api/groups", { symbol: "vip" });
  assert.equal(name, "vip");
  assert.equal((await admin.ask("PATCH", `/api/groups/${id}`, { symbol: "other" })).status, 422);
  const users: [string, object][] = [
    ["channels", { ...channel, groups: ["vip"] }],
    ["keys", { name: "kay", group: "vip" }],
    ["users", { username: "ann", group: "vip" }],
  ];
  for (const [noun, body] of users) {
    const used = await admin.must("POST", `/api/${noun}`, body);
    const refused = await admin.ask("DELETE", `/api/groups/${id}`);
    assert.equal(refused.status, 409, noun);
    assert.match(refused.body.detail, /still used by (channel "one"|key "kay"|user "ann")/);
    await admin.must("DELETE", `/api/${noun}/${used.id}`);
  }
  await admin.must("DELETE", `/api/groups/${id}`);
});

for (const engine of SQL_ENGINES)
  test(
    `a taken name is a conflict naming the field: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      for (const [noun, body, field] of [
        ["groups", { symbol: "vip" }, "symbol"],
        ["users", { username: "ann" }, "username"],
        ["models", { model: "m" }, "model"],
        ["prices", { model: "m", mode: "tokens", input: 1 }, "model"],
      ] as const) {
        await admin.must("POST", `/api/${noun}`, body);
        const again = await admin.ask("POST", `/api/${noun}`, body);
        assert.deepEqual(
          [again.status, again.body.code, again.body.errors?.[0]?.field],
          [409, "conflict", field],
          again.text,
        );
      }
    },
  );

for (const engine of SQL_ENGINES)
  test(`settings are one document: ${engine}`, { skip: skipReason(engine) }, async () => {
    await using admin = await openAdmin({ engine });
    const defaults = await admin.ask("GET", "/api/settings");
    assert.equal(defaults.body.data.systemName, "Switchyard");
    const etag = defaults.headers.get("etag") ?? "";
    const edited = await admin.ask(
      "PATCH",
      "/api/settings",
      { systemName: "Yard", retryTimes: 0 },
      { headers: { "if-match": etag } },
    );
    assert.deepEqual(
      [edited.status, edited.body.data.systemName, edited.body.data.retryTimes],
      [200, "Yard", 0],
    );
    assert.equal(admin.sync.current()?.settings.systemName, "Yard");
    assert.equal(
      (
        await admin.ask(
          "PATCH",
          "/api/settings",
          { retryTimes: 1 },
          { headers: { "if-match": etag } },
        )
      ).status,
      412,
    );
    const wrong = await admin.ask("PATCH", "/api/settings", { retryTimes: 99 });
    assert.deepEqual([wrong.status, wrong.body.errors[0].field], [422, "retryTimes"]);
    await admin.must("PATCH", "/api/settings", { systemName: null, retryTimes: null });
    assert.deepEqual((await admin.ask("GET", "/api/settings")).body.data, defaults.body.data);
  });

for (const engine of SQL_ENGINES)
  test(
    `lists go on where they stopped, and filter: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      for (const name of ["a", "b", "c"])
        await admin.must("POST", "/api/channels", {
          ...channel,
          name,
          tag: name === "b" ? "x" : null,
        });
      const names: string[] = [];
      let cursor = "";
      do {
        const page = await admin.ask("GET", `/api/channels?limit=2${cursor}`);
        names.push(...page.body.data.map((one: { name: string }) => one.name));
        cursor = page.body.nextCursor === null ? "" : `&cursor=${page.body.nextCursor}`;
      } while (cursor !== "");
      assert.deepEqual(names, ["a", "b", "c"]);
      assert.deepEqual(
        (await admin.must("GET", "/api/channels?tag=x")).map((one: { name: string }) => one.name),
        ["b"],
      );
    },
  );

test("a write tells which nodes have it", async () => {
  await using admin = await openAdmin();
  const answer = await admin.ask("POST", "/api/groups?wait=converged&timeout=5s", {
    symbol: "vip",
  });
  assert.deepEqual([answer.status, answer.body.converged, answer.body.pending], [201, true, []]);
  const plain = await admin.ask("POST", "/api/groups", { symbol: "two" });
  assert.ok(!("converged" in plain.body));
  const state = await admin.must("GET", "/api/sync");
  assert.deepEqual([state.state, state.appliedRevision], ["live", plain.body.revision]);
  const who = await admin.must(
    "GET",
    `/api/sync/convergence?revision=${plain.body.revision}&timeout=5s`,
  );
  assert.deepEqual(who, { revision: plain.body.revision, converged: true, pending: [] });
  const [node] = await admin.must("GET", "/api/nodes");
  assert.deepEqual(
    [node.live, node.appliedRevision, node.type],
    [true, plain.body.revision, "unset"],
  );
  assert.equal(
    (await admin.ask("POST", "/api/groups?wait=forever", { symbol: "three" })).status,
    422,
  );
});

test("every write leaves an audit row with its revision, and a refused one leaves none", async () => {
  await using admin = await openAdmin();
  const made = await admin.ask("POST", "/api/groups", { symbol: "vip", ratio: 2 });
  await admin.ask("POST", "/api/groups", { symbol: "vip" });
  await admin.must("PATCH", `/api/groups/${made.body.data.id}`, { ratio: 3 });
  await admin.must("DELETE", `/api/groups/${made.body.data.id}`);
  const rows = await admin.must("GET", "/api/audit?kind=group");
  assert.deepEqual(
    rows.map((row: { action: string }) => row.action),
    ["delete", "update", "create"],
  );
  const [, update, create] = rows;
  assert.deepEqual(
    [create.revision, create.actor, create.entity, create.address],
    [made.body.revision, "user:root", String(made.body.data.id), "127.0.0.1"],
  );
  assert.equal(create.requestId, made.headers.get("x-request-id"));
  assert.deepEqual(update.detail, { before: { ratio: "2" }, after: { ratio: 3 } });
});

test("a dead database is 503 on reads, never an empty list; sync's own state is still told", async () => {
  await using admin = await openAdmin();
  admin.down = true;
  for (const path of [
    "/api/channels",
    "/api/keys/1",
    "/api/settings",
    "/api/calls",
    "/api/audit",
  ]) {
    const answer = await admin.ask("GET", path);
    assert.deepEqual([answer.status, answer.body.code], [503, "temporarily_unavailable"], path);
    assert.ok(Number(answer.headers.get("retry-after")) > 0);
  }
  assert.equal((await admin.ask("GET", "/api/sync")).status, 200);
});

test("a channel is tested by the injected call, with its first whole model or the one told", async () => {
  const tried: string[] = [];
  await using admin = await openAdmin({
    probeChannel: (one, model) => {
      tried.push(`${one.name} ${model}`);
      return Promise.resolve({ ok: false, status: 401, durationMs: 12, message: "bad key" });
    },
  });
  const { id } = await admin.must("POST", "/api/channels", {
    ...channel,
    models: ["gpt-*", "gpt-4o"],
  });
  const data = await admin.must("POST", `/api/channels/${id}/test`, {});
  assert.deepEqual(data, {
    ok: false,
    model: "gpt-4o",
    status: 401,
    durationMs: 12,
    message: "bad key",
  });
  await admin.must("POST", `/api/channels/${id}/test`, { model: "gpt-5" });
  assert.deepEqual(tried, ["one gpt-4o", "one gpt-5"]);
  assert.equal((await admin.ask("POST", "/api/channels/999/test", {})).status, 404);
  const wild = await admin.must("POST", "/api/channels", { ...channel, models: ["gpt-*"] });
  assert.equal((await admin.ask("POST", `/api/channels/${wild.id}/test`, {})).status, 422);
});

test("the reference is OpenAPI 3.1 of every route, and a page that loads nothing from elsewhere", async () => {
  await using admin = await openAdmin();
  const document = (await admin.ask("GET", "/api/openapi.json", undefined, { token: null })).body;
  assert.equal(document.openapi, "3.1.0");
  const text = JSON.stringify(document);
  for (const path of [
    "/api/channels",
    "/api/channels/{id}/test",
    "/api/setup",
    "/api/sync/convergence",
  ])
    assert.ok(path in document.paths, path);
  const body = document.paths["/api/channels"].post.requestBody.content["application/json"].schema;
  assert.deepEqual([...body.required].sort(), ["credentials", "models", "name", "provider"]);
  assert.equal(body.additionalProperties, false);
  for (const [, reference] of text.matchAll(/"\$ref":"([^"]+)"/g))
    assert.equal(reference, "#/components/schemas/Problem");
  const patch =
    document.paths["/api/channels/{id}"].patch.requestBody.content["application/json"].schema;
  assert.deepEqual(patch.required ?? [], []);
  const page = await admin.ask("GET", "/api/docs", undefined, { token: null });
  assert.match(page.text, /\/api\/channels\/:id\/test/);
  assert.doesNotMatch(page.text, /(?:src|href)="(?:https?:)?\/\//);
});

async function writerIs(admin: TestAdmin): Promise<void> {
  assert.equal((await admin.ask("GET", "/api/me")).body.data.username, "root");
}

test("the first account: by the link, once; by the environment, only while there is none", async () => {
  await using admin = await openAdmin({ bootstrapped: false });
  const parts = {
    ...admin.parts,
    config: { initialRootAccessToken: undefined, initialRootToken: undefined, sqlDsn: undefined },
  };
  assert.equal(await bootstrapAccounts(parts), "not-configured");
  const first = await offerSetupLink(parts);
  const link = await offerSetupLink(parts);
  assert.ok(first !== undefined && link !== undefined);
  const setUp = (token: string, username = "boss") =>
    admin.ask("POST", "/api/setup", { token, username }, { token: null });
  // Until then no token can be known, and that is nobody's fault but ours.
  for (const token of [rootToken, null]) {
    const early = await admin.ask("GET", "/api/channels", undefined, { token });
    assert.deepEqual([early.status, early.body.code], [503, "setup_required"]);
  }
  assert.equal((await setUp(first)).status, 403);
  assert.equal((await setUp("guess")).status, 403);
  assert.equal((await setUp(link, "bad name")).status, 422);
  const answers = await Promise.all([setUp(link), setUp(link, "other")]);
  assert.deepEqual(
    answers.map((answer) => answer.status).sort(),
    [201, 409],
    answers.map((answer) => answer.text).join(),
  );
  const token = answers.find((answer) => answer.status === 201)?.body.data.token;
  assert.equal((await admin.ask("GET", "/api/users", undefined, { token })).body.data.length, 1);
  assert.equal(await offerSetupLink(parts), undefined);
  assert.equal((await setUp(link)).status, 409);
  assert.equal(
    await bootstrapAccounts({
      ...parts,
      config: { ...parts.config, initialRootAccessToken: rootToken },
    }),
    "exists",
  );
  assert.equal((await admin.ask("GET", "/api/me")).status, 401);
});

for (const engine of SQL_ENGINES)
  test(
    `several nodes that start at once make one root account: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine, bootstrapped: false });
      const config = {
        initialRootAccessToken: rootToken,
        initialRootToken: undefined,
        sqlDsn: "x",
      };
      const made = await Promise.all(
        [1, 2, 3].map(() => bootstrapAccounts({ ...admin.parts, config })),
      );
      assert.deepEqual(made.sort(), ["exists", "exists", "made"]);
      await writerIs(admin);
    },
  );
