/** The price book over a real database: a diff that is looked at, and its application exactly as it was shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestAdmin, openAdmin, rootToken } from "../../../test/admin/open-admin.ts";
import { skipReason, SQL_ENGINES } from "../../../test/engines/engines.ts";
import { GatewayError } from "../../core/errors.ts";
import { silentLogger } from "../../core/logger.ts";
import { bootstrapAccounts, offerSetupLink } from "../bootstrap.ts";
import { applyPlan, changesPerWrite } from "./apply.ts";
import { openList } from "./read-list.ts";
import { diffSchema } from "./schema.ts";
import { seedPrices } from "./seed.ts";

const path = "/api/price-book";
const author = { name: "test", userId: null, address: "", requestId: "" };

/** One Hub's form is the shortest. */
const list = (rows: Readonly<Record<string, number | object>>): object => ({
  source: "one-hub",
  document: Object.entries(rows).map(([model, input]) => ({
    model,
    type: "tokens",
    output: 1,
    ...(typeof input === "number" ? { input } : input),
  })),
});

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into bodies of every shape
async function apply(admin: TestAdmin, body: object): Promise<any> {
  const { digest } = await admin.must("POST", `${path}/diff`, body);
  return await admin.must("POST", `${path}/apply`, { ...body, digest });
}

async function priceOf(admin: TestAdmin, model: string): Promise<string | undefined> {
  const [row] = await admin.must("GET", `/api/prices?model=${encodeURIComponent(model)}`);
  return row?.input;
}

for (const engine of SQL_ENGINES)
  test(
    `the built-in book goes in whole, and a second time changes nothing: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      await admin.must("POST", "/api/prices", { model: "gpt-4o", mode: "tokens", input: "99" });
      const body = { source: "builtin" };
      const diff = await admin.must("POST", `${path}/diff`, body);
      assert.ok(diff.added.length > changesPerWrite);
      assert.deepEqual([diff.changed, diff.removed, diff.unchanged, diff.missing], [[], [], 0, []]);
      assert.deepEqual(
        diff.kept.map((one: { model: string; reason: string }) => [one.model, one.reason]),
        [["gpt-4o", "operator"]],
      );
      const applied = await admin.ask("POST", `${path}/apply?wait=converged&timeout=10s`, {
        ...body,
        digest: diff.digest,
      });
      assert.equal(applied.status, 200, applied.text);
      assert.equal(applied.body.data.added, diff.added.length);
      assert.equal(applied.body.converged, true);
      const served = admin.sync.current();
      assert.equal(served?.prices.size, diff.added.length + 1);
      assert.deepEqual(served?.rejected, []);
      assert.equal(served?.findPrice("gpt-4o")?.input, 99_000_000_000n);
      assert.equal(served?.findPrice("gpt-4o-mini")?.source, "builtin");
      const again = await admin.must("POST", `${path}/diff`, body);
      assert.deepEqual(
        [again.added, again.changed, again.removed, again.unchanged],
        [[], [], [], diff.added.length],
      );
      const { revision } = applied.body;
      const same = await admin.ask("POST", `${path}/apply`, { ...body, digest: again.digest });
      assert.deepEqual([same.status, same.body.revision], [200, revision]);
      const audit = await admin.must("GET", "/api/audit?kind=price-book");
      assert.equal(audit.length, Math.ceil(diff.added.length / changesPerWrite));
    },
  );

for (const engine of SQL_ENGINES)
  test(
    `changes field by field, and nothing that an operator wrote or locked: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      await apply(admin, list({ a: 1, b: 1, c: 1, d: 1, "own-1": 1, "fam-1": 1 }));
      const rows = await admin.must("GET", "/api/prices");
      const idOf = (model: string): number =>
        rows.find((row: { model: string }) => row.model === model).id;
      await admin.must("PATCH", `/api/prices/${idOf("b")}`, { locked: true });
      await admin.must("PATCH", `/api/prices/${idOf("c")}`, { input: "7" });
      await admin.must("DELETE", `/api/prices/${idOf("d")}`);
      await admin.must("POST", "/api/prices", { model: "fam-*", mode: "tokens", input: "8" });
      const next = list({
        a: { input: 3, extra_ratios: { cached_tokens: 0.5 } },
        b: 3,
        c: 3,
        d: 3,
        "fam-1": 3,
        "fam-2": 3,
        B: 3,
      });
      const diff = await admin.must("POST", `${path}/diff`, next);
      assert.deepEqual(
        diff.changed.map((one: { model: string; fields: object }) => [one.model, one.fields]),
        [["a", { input: { from: "2", to: "6" }, cacheRead: { from: null, to: "3" } }]],
      );
      assert.deepEqual(
        diff.added.map((one: { model: string }) => one.model),
        ["d", "B"],
      );
      assert.deepEqual(
        diff.kept.map((one: { model: string; reason: string; by: string }) => [
          one.model,
          one.reason,
          one.by,
        ]),
        [
          ["b", "locked", "b"],
          ["c", "operator", "c"],
          ["fam-1", "covered", "fam-*"],
          ["fam-2", "covered", "fam-*"],
        ],
      );
      assert.deepEqual(diff.missing, ["own-1"]);
      await admin.must("POST", `${path}/apply`, { ...next, digest: diff.digest });
      const prices = await Promise.all(
        ["a", "b", "c", "d", "B", "own-1", "fam-1"].map((model) => priceOf(admin, model)),
      );
      assert.deepEqual(prices, ["6", "2", "7", "6", "6", "2", "2"]);
    },
  );

test("a diff that is no longer true is refused, and nothing is written", async () => {
  await using admin = await openAdmin();
  const body = list({ a: 1, b: 1 });
  const { digest } = await admin.must("POST", `${path}/diff`, body);
  await admin.must("POST", "/api/prices", { model: "b", mode: "tokens", input: "5" });
  const late = await admin.ask("POST", `${path}/apply`, { ...body, digest });
  assert.deepEqual(
    [late.status, late.body.code, late.body.errors[0].field],
    [409, "conflict", "digest"],
  );
  assert.equal(await priceOf(admin, "a"), undefined);
  // What concerns no row of the list does not outdate it.
  const fresh = await admin.must("POST", `${path}/diff`, body);
  await admin.must("POST", "/api/prices", { model: "other", mode: "tokens", input: "5" });
  await admin.must("POST", `${path}/apply`, { ...body, digest: fresh.digest });
  assert.equal(await priceOf(admin, "a"), "2");
  const other = await admin.ask("POST", `${path}/apply`, {
    ...list({ a: 2 }),
    digest: fresh.digest,
  });
  assert.equal(other.status, 409);
});

test("dates that a list no longer has go with its model; other models stay", async () => {
  await using admin = await openAdmin();
  const dated = (prices: object): object => ({
    source: "builtin",
    document: JSON.stringify([
      {
        id: "openai",
        models: [
          { id: "m", match: { equals: "m" }, prices },
          { id: "n", match: { equals: "n" }, prices: { input_mtok: 1 } },
        ],
      },
    ]),
  });
  const rise = { constraint: { start_date: "2027-01-01" }, prices: { input_mtok: 9 } };
  await apply(admin, dated([{ prices: { input_mtok: 1 } }, rise]));
  assert.equal((await admin.must("GET", "/api/prices?model=m")).length, 2);
  const body = dated({ input_mtok: 1 });
  const diff = await admin.must("POST", `${path}/diff`, body);
  assert.deepEqual(
    [diff.removed.length, diff.removed[0].effectiveFrom, diff.unchanged],
    [1, "2027-01-01T00:00:00.000Z", 2],
  );
  await admin.must("POST", `${path}/apply`, { ...body, digest: diff.digest });
  assert.equal((await admin.must("GET", "/api/prices?model=m")).length, 1);
});

test("what resellers ask becomes rows of their channels, under the names that calls are billed by", async () => {
  await using admin = await openAdmin();
  const channel = await admin.must("POST", "/api/channels", {
    name: "reseller",
    provider: "groq",
    models: ["fast", "llama-3.1-*"],
    modelMapping: { fast: "llama-3.3-70b-versatile" },
    credentials: ["x"],
  });
  for (const [side, name] of [
    ["charge", "fast"],
    // What a channel costs is found by the name that is sent.
    ["cost", "llama-3.3-70b-versatile"],
  ] as const) {
    const body = { source: "builtin", channels: [channel.id], side };
    const diff = await admin.must("POST", `${path}/diff`, body);
    const rows: { model: string; channelId: number; side: string }[] = diff.added;
    assert.ok(rows.length > 2);
    assert.ok(rows.every((row) => row.channelId === channel.id && row.side === side));
    assert.equal(rows[0]?.model, name);
    assert.ok(rows.slice(1).every((row) => row.model.startsWith("llama-3.1-")));
    await admin.must("POST", `${path}/apply`, { ...body, digest: diff.digest });
    const where = { channelId: channel.id, atMs: 1, side } as const;
    assert.equal(admin.sync.current()?.findPrice(name, where)?.input, 590_000_000n);
    assert.equal(admin.sync.current()?.findPrice(name), undefined);
  }
  const general = await admin.must("POST", `${path}/diff`, {
    source: "builtin",
    providers: ["groq"],
    models: ["llama-3.3-*"],
  });
  assert.ok(general.added.every((row: { model: string }) => row.model.startsWith("llama-3.3-")));
  assert.ok(general.added.length > 0);
});

test("faults of a request are named by field", async () => {
  await using admin = await openAdmin();
  const cases: readonly (readonly [object, string])[] = [
    [{}, "source"],
    [{ source: "elsewhere" }, "source"],
    [{ source: "litellm" }, "document"],
    [{ source: "litellm", document: "{" }, "document"],
    [{ source: "litellm", document: [1, 2] }, "document"],
    [{ source: "builtin", quotaPerUnit: 1 }, "quotaPerUnit"],
    [{ source: "one-hub", document: [], quotaPerUnit: -1 }, "quotaPerUnit"],
    [{ source: "one-hub", document: [], quotaPerUnit: 0 }, "quotaPerUnit"],
    [{ source: "builtin", channels: [999] }, "channels[0]"],
    [{ source: "builtin", models: [] }, "models"],
    [{ source: "builtin", moon: 1 }, "moon"],
  ];
  for (const [body, field] of cases) {
    const answer = await admin.ask("POST", `${path}/diff`, body);
    assert.deepEqual([answer.status, answer.body.errors?.[0]?.field], [422, field], answer.text);
  }
  assert.equal((await admin.ask("POST", `${path}/apply`, { source: "builtin" })).status, 422);
  const large = { source: "litellm", document: `"${"x".repeat(9_000_000)}"` };
  assert.equal((await admin.ask("POST", `${path}/diff`, large)).status, 413);
  const { id } = await admin.must("POST", "/api/users", { username: "mem", role: "member" });
  const { token } = await admin.must("POST", `/api/users/${id}/tokens`, {});
  for (const route of ["diff", "apply"])
    assert.equal(
      (await admin.ask("POST", `${path}/${route}`, { source: "builtin" }, { token })).status,
      403,
    );
});

test("a large plan that is cut off holds whole models, says how many, and is completed by the next", async () => {
  await using admin = await openAdmin();
  const source = "builtin";
  const opened = await openList(diffSchema.parse({ source }));
  let writes = 0;
  const failing = {
    ...admin.parts,
    sync: {
      ...admin.sync,
      write: ((writer, work) => {
        writes += 1;
        return writes < 2
          ? admin.sync.write(writer, work)
          : Promise.reject(new GatewayError("temporarily_unavailable", "gone"));
      }) as typeof admin.sync.write,
    },
  };
  await assert.rejects(applyPlan(failing, author, { source, list: opened, digest: undefined }), {
    kind: "temporarily_unavailable",
    message:
      /^gone \(\d+ of \d+ models are written, each whole; ask for the diff again for the rest\)$/,
  });
  const written = admin.sync.current()?.prices.size ?? 0;
  assert.ok(written > 0 && written <= changesPerWrite);
  const rest = await admin.must("POST", `${path}/diff`, { source });
  assert.equal(rest.unchanged, written);
  await apply(admin, { source });
  const done = await admin.must("POST", `${path}/diff`, { source });
  assert.deepEqual([done.added, done.changed], [[], []]);
});

const noAccounts = {
  initialRootAccessToken: undefined,
  initialRootToken: undefined,
  sqlDsn: undefined,
};

test("the setup link's account finds the built-in prices, unless it asks for none", async () => {
  for (const wish of [undefined, false]) {
    await using admin = await openAdmin({ bootstrapped: false });
    const token = await offerSetupLink({ ...admin.parts, config: noAccounts });
    const made = await admin.must(
      "POST",
      "/api/setup",
      { token, ...(wish === false && { seedPrices: wish }) },
      { token: null },
    );
    const count = admin.sync.current()?.prices.size ?? 0;
    assert.equal(made.prices, wish === false ? null : count);
    assert.equal(count > 700, wish !== false);
  }
});

test("an account of the environment finds them where SEED_PRICES asks for them", async () => {
  await using admin = await openAdmin({ bootstrapped: false });
  const config = { ...noAccounts, initialRootAccessToken: rootToken, seedPrices: true };
  assert.equal(await bootstrapAccounts({ ...admin.parts, config }), "made");
  assert.ok((admin.sync.current()?.prices.size ?? 0) > 700);
  await using plain = await openAdmin();
  assert.equal(plain.sync.current()?.prices.size, 0);
});

test("prices that cannot be put in are tried again, and never fail the caller", async () => {
  await using admin = await openAdmin();
  const told: string[] = [];
  let tries = 0;
  const parts = {
    ...admin.parts,
    logger: { ...silentLogger, warn: (_: object, text: string) => void told.push(text) },
    // Time passes at once.
    clock: {
      monotonic: () => 0,
      wall: () => 0,
      after: (_: number, run: () => void) => (queueMicrotask(run), () => undefined),
    },
    sync: {
      ...admin.sync,
      write: ((writer, work) => {
        tries += 1;
        return tries < 3
          ? Promise.reject(new Error("no database"))
          : admin.sync.write(writer, work);
      }) as typeof admin.sync.write,
    },
  };
  assert.equal(await seedPrices(parts as never, author), null);
  const deadline = AbortSignal.timeout(20_000);
  while ((admin.sync.current()?.prices.size ?? 0) < 700) {
    assert.ok(!deadline.aborted, "the prices never came");
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(new Set(told), new Set(["the built-in prices cannot be put in yet"]));
  assert.equal(told.length, 2);
});
