// Credits, codes, invitations and promotions through the management API, over real databases.
import assert from "node:assert/strict";
import { test } from "node:test";
import { openAdmin, rootToken } from "../../test/admin/open-admin.ts";
import type { AdminAnswer, TestAdmin } from "../../test/admin/open-admin.ts";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { keepAccounts } from "./keep-accounts.ts";

interface Person {
  readonly id: number;
  readonly token: string;
}

async function person(admin: TestAdmin, username: string, more: object = {}): Promise<Person> {
  const { id } = await admin.must("POST", "/api/users", { username, billing: "prepaid", ...more });
  const { token } = await admin.must("POST", `/api/users/${id}/tokens`, {});
  return { id, token };
}

const credit = (admin: TestAdmin, id: number, body: object, headers = {}): Promise<AdminAnswer> =>
  admin.ask("POST", `/api/users/${id}/credits`, { remark: "paid", ...body }, { headers });

/** One run of the leader's job. */
async function runJob(admin: TestAdmin): Promise<void> {
  const term = { signal: new AbortController().signal } as never;
  await keepAccounts(admin.parts).run(term);
}

for (const engine of SQL_ENGINES)
  test(
    `credits move the balance once and stay in the ledger: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      const ann = await person(admin, "ann");
      const path = `/api/users/${ann.id}`;
      const fresh = await admin.must("GET", path);
      assert.deepEqual([fresh.balance, fresh.reserved], ["0", "0"]);
      const first = await credit(admin, ann.id, { amount: "10.000000001" });
      assert.deepEqual(
        [first.status, first.body.data.amount, first.body.data.balance, first.body.data.kind],
        [201, "10.000000001", "10.000000001", "credit"],
      );
      const key = { "idempotency-key": "order-7" };
      const all = await Promise.all(
        Array.from({ length: 8 }, () => credit(admin, ann.id, { amount: 5 }, key)),
      );
      assert.deepEqual(
        all.map(({ status }) => status).sort(),
        [200, 200, 200, 200, 200, 200, 200, 201],
      );
      assert.equal(new Set(all.map(({ body }) => body.data.id)).size, 1);
      const asField = await credit(admin, ann.id, { amount: 5, reference: "order-7" });
      assert.deepEqual([asField.status, asField.body.data.balance], [200, "15.000000001"]);
      const other = await credit(admin, ann.id, { amount: 6, reference: "order-7" });
      assert.deepEqual([other.status, other.body.errors[0].field], [409, "reference"]);
      const both = await credit(admin, ann.id, { amount: 6, reference: "order-8" }, key);
      assert.deepEqual([both.status, both.body.errors[0].field], [422, "reference"]);

      const tooMuch = await credit(admin, ann.id, { amount: "-15.000000002" });
      assert.deepEqual([tooMuch.status, tooMuch.body.errors[0].field], [409, "amount"]);
      assert.match(tooMuch.body.errors[0].message, /15\.000000001 dollars/);
      assert.equal((await credit(admin, ann.id, { amount: "-15.000000001" })).status, 201);
      for (const amount of [0, "1.0000000001", "a lot", -1e30])
        assert.equal((await credit(admin, ann.id, { amount })).status, 422, String(amount));
      assert.equal((await credit(admin, ann.id, { amount: 1, remark: " " })).status, 422);
      assert.equal((await admin.must("GET", path)).balance, "0");

      const entries = await admin.must("GET", `${path}/entries`);
      assert.deepEqual(
        entries.map((entry: { amount: string; remark: string }) => [entry.amount, entry.remark]),
        [
          ["-15.000000001", "paid"],
          ["5", "paid"],
          ["10.000000001", "paid"],
        ],
      );
      const audit = await admin.must("GET", "/api/audit?kind=credit");
      assert.deepEqual(
        audit.map((row: { detail: { after: { amount: string } } }) => row.detail.after.amount),
        ["-15.000000001", "5", "10.000000001"],
      );
      await admin.must("DELETE", path);
      assert.equal((await admin.must("GET", `${path}/entries`)).length, 3);
      assert.equal((await credit(admin, ann.id, { amount: 1 })).status, 404);
      assert.equal((await admin.ask("GET", "/api/users/99999/entries")).status, 404);
    },
  );

test("the way of paying is switched at any time; money stays where it is", async () => {
  await using admin = await openAdmin();
  const ann = await person(admin, "ann", { billing: "postpaid" });
  const path = `/api/users/${ann.id}`;
  assert.equal((await admin.must("GET", path)).balance, null);
  await credit(admin, ann.id, { amount: 3 });
  assert.equal((await admin.must("GET", path)).balance, null);
  assert.equal((await admin.must("PATCH", path, { billing: "prepaid" })).balance, "3");
  assert.equal((await admin.must("PATCH", path, { billing: "postpaid" })).reserved, null);
  assert.equal((await admin.must("PATCH", path, { billing: "prepaid" })).balance, "3");
});

test("who may credit whom, and whose entries anybody sees", async () => {
  await using admin = await openAdmin();
  const ann = await person(admin, "ann");
  const bob = await person(admin, "bob");
  const boss = await person(admin, "boss", { role: "admin" });
  const peer = await person(admin, "peer", { role: "admin" });
  const give = (from: Person, to: Person): Promise<AdminAnswer> =>
    admin.ask(
      "POST",
      `/api/users/${to.id}/credits`,
      { amount: 1, remark: "x" },
      { token: from.token },
    );
  assert.equal((await give(boss, ann)).status, 201);
  for (const [from, to] of [
    [boss, boss],
    [boss, peer],
    [ann, ann],
    [ann, bob],
  ] as const)
    assert.equal((await give(from, to)).status, 403);
  const see = (who: Person, whose: Person): Promise<AdminAnswer> =>
    admin.ask("GET", `/api/users/${whose.id}/entries`, undefined, { token: who.token });
  assert.equal((await see(ann, ann)).body.data.length, 1);
  assert.deepEqual(
    [(await see(ann, bob)).status, (await see(bob, ann)).status, (await see(boss, ann)).status],
    [404, 404, 200],
  );
  const me = await admin.must("GET", "/api/me/account", undefined, { token: ann.token });
  assert.deepEqual([me.username, me.balance, me.invited, me.earned], ["ann", "1", 0, "0"]);
  const cheap = await admin.ask("POST", "/api/keys", { name: "k", ratio: 0 }, { token: ann.token });
  assert.deepEqual([cheap.status, cheap.body.errors?.[0].field], [422, "ratio"]);
  const key = await admin.must("POST", "/api/keys", { name: "k", owner: ann.id, ratio: "0.5" });
  const as = { token: ann.token };
  await admin.must("PATCH", `/api/keys/${key.id}`, { name: "mine" }, as);
  assert.equal((await admin.ask("PATCH", `/api/keys/${key.id}`, { ratio: 0 }, as)).status, 422);
});

for (const engine of SQL_ENGINES)
  test(
    `codes: made in batches, shown once, redeemed once: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      const people = await Promise.all(
        Array.from({ length: 10 }, (_, index) => person(admin, `member-${index}`)),
      );
      const made = await admin.must("POST", "/api/codes", {
        name: "spring",
        amount: "2.5",
        count: 3,
      });
      assert.deepEqual(
        [made.codes.length, new Set(made.codes.map((one: { code: string }) => one.code)).size],
        [3, 3],
      );
      const { id, code } = made.codes[0];
      assert.match(code, /^([0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}$/);
      const listed = await admin.ask("GET", `/api/codes?batch=${made.batch}&redeemed=false`);
      assert.equal(listed.body.data.length, 3);
      assert.doesNotMatch(listed.text, new RegExp(code));
      assert.doesNotMatch((await admin.ask("GET", "/api/audit")).text, new RegExp(code));

      const redeem = (who: Person, text: string): Promise<AdminAnswer> =>
        admin.ask("POST", "/api/codes/redeem", { code: text }, { token: who.token });
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => redeem(people[index % 10]!, code)),
      );
      const won = answers.filter(({ status }) => status === 201);
      assert.equal(won.length, 1, answers.map(({ text }) => text).join("\n"));
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([201, 409]));
      assert.deepEqual([won[0]!.body.data.amount, won[0]!.body.data.balance], ["2.5", "2.5"]);
      const row = await admin.must("GET", `/api/codes/${id}`);
      const winner = people.find((one) => one.id === row.redeemedBy)!;
      assert.equal((await admin.must("GET", `/api/users/${winner.id}`)).balance, "2.5");
      const again = await redeem(winner, code);
      assert.deepEqual(
        [again.status, again.body.detail],
        [409, "You have redeemed this code already"],
      );
      assert.equal(
        (await admin.ask("PATCH", `/api/codes/${id}`, { status: "disabled" })).status,
        409,
      );

      const second = made.codes[1];
      await admin.must("PATCH", `/api/codes/${second.id}`, { status: "disabled" });
      assert.match((await redeem(winner, second.code)).body.detail, /disabled/);
      await admin.must("PATCH", `/api/codes/${second.id}`, { status: "enabled" });
      const typed = ` ${second.code.toLowerCase().replaceAll("-", " ").replaceAll("0", "o").replaceAll("1", "l")}`;
      assert.equal((await redeem(winner, typed)).body.data.balance, "5");
      assert.deepEqual(await admin.must("POST", "/api/codes/disable", { batch: made.batch }), {
        disabled: 1,
      });
      assert.equal((await admin.ask("POST", "/api/codes/disable", { batch: "x" })).status, 404);
      const past = await admin.must("POST", "/api/codes", {
        name: "old",
        amount: 1,
        expiresAt: "2020-01-01T00:00:00Z",
      });
      assert.match((await redeem(people[0]!, past.codes[0].code)).body.detail, /expired/);
      for (const body of [
        { name: "x", amount: 0 },
        { name: "x", amount: 1, count: 1001 },
      ])
        assert.equal((await admin.ask("POST", "/api/codes", body)).status, 422);
    },
  );

test("guesses at codes are bounded per account, good codes are not", async () => {
  await using admin = await openAdmin();
  const ann = await person(admin, "ann");
  const bob = await person(admin, "bob");
  const { codes } = await admin.must("POST", "/api/codes", { name: "c", amount: 1, count: 15 });
  const redeem = (code: string, who = ann): Promise<AdminAnswer> =>
    admin.ask("POST", "/api/codes/redeem", { code }, { token: who.token });
  for (const { code } of codes.slice(0, 13)) assert.equal((await redeem(code)).status, 201);
  const guesses = await Promise.all(
    Array.from({ length: 25 }, (_, index) => redeem(`GUESS${index}`)),
  );
  const refused = guesses.filter(({ status }) => status === 429);
  // A minute may turn meanwhile: twice the bound at most.
  assert.ok(refused.length >= 5, String(refused.length));
  assert.ok(guesses.every(({ status }) => status === 404 || status === 429));
  const wait = Number(refused[0]!.headers.get("retry-after"));
  assert.ok(wait >= 1 && wait <= 60, String(wait));
  assert.equal((await redeem(codes[13].code, bob)).status, 201);
  const post = await person(admin, "cat", { billing: "postpaid" });
  const lost = await redeem(codes[14].code, post);
  assert.deepEqual([lost.status, /postpaid/.test(lost.body.detail)], [409, true]);
});

for (const engine of SQL_ENGINES)
  test(
    `invitations reward both sides once, by what stood in the settings: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      const settings = await admin.must("PATCH", "/api/settings", {
        inviterReward: 2,
        inviteeReward: "0.5",
      });
      assert.deepEqual([settings.inviterReward, settings.inviteeReward], ["2", "0.5"]);
      const ann = await person(admin, "ann");
      const { inviteCode } = await admin.must("GET", `/api/users/${ann.id}`);
      const bob = await admin.must("POST", "/api/users", {
        username: "bob",
        billing: "prepaid",
        invitedBy: inviteCode,
      });
      assert.deepEqual([bob.invitedBy, bob.balance], [ann.id, "0.5"]);
      await admin.must("POST", "/api/users", { username: "cat", invitedBy: ann.id });
      await runJob(admin);
      const me = await admin.must("GET", "/api/me/account", undefined, { token: ann.token });
      assert.deepEqual(
        [me.balance, me.invited, me.earned, me.inviteCode],
        ["4", 2, "4", inviteCode],
      );
      await admin.must("PATCH", "/api/settings", { inviterReward: null });
      await admin.must("POST", "/api/users", { username: "dan", invitedBy: ann.id });
      assert.equal((await admin.must("GET", `/api/users/${ann.id}`)).balance, "4");

      const forged = `${inviteCode.slice(0, -1)}${inviteCode.endsWith("0") ? "1" : "0"}`;
      for (const invitedBy of [forged, "nonsense", 99_999]) {
        const answer = await admin.ask("POST", "/api/users", { username: "eve", invitedBy });
        assert.deepEqual([answer.status, answer.body.errors[0].field], [422, "invitedBy"]);
      }
      await admin.must("PATCH", `/api/users/${bob.id}`, { status: "disabled" });
      const late = await admin.ask("PATCH", `/api/users/${ann.id}`, { invitedBy: bob.id });
      assert.deepEqual([late.status, late.body.errors[0].field], [422, "invitedBy"]);
      const off = await admin.ask("POST", "/api/users", { username: "eve", invitedBy: bob.id });
      assert.equal(off.status, 422);

      // A process that died between the account and its rewards: the job makes up for it.
      await admin.database.writes
        .updateTable("users")
        .set({ invited_by: BigInt(ann.id), inviter_reward: 7n, invitee_reward: 0n })
        .where("id", "=", BigInt(ann.id))
        .execute();
      await Promise.all([runJob(admin), runJob(admin)]);
      await runJob(admin);
      assert.equal((await admin.must("GET", `/api/users/${ann.id}`)).balance, "4.000000007");
    },
  );

for (const engine of SQL_ENGINES)
  test(
    `credit brings an account into a better group, once: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      await admin.must("POST", "/api/groups", { symbol: "silver", promoteAt: 10 });
      await admin.must("POST", "/api/groups", { symbol: "gold", promoteAt: "100" });
      await admin.must("POST", "/api/groups", { symbol: "staff" });
      const groupOf = async (id: number): Promise<string> =>
        (await admin.must("GET", `/api/users/${id}`)).group;
      const ann = await person(admin, "ann");
      const key = await admin.must("POST", "/api/keys", { name: "k" }, { token: ann.token });
      await credit(admin, ann.id, { amount: "9.999999999" });
      assert.equal(await groupOf(ann.id), "default");
      await credit(admin, ann.id, { amount: "0.000000001" });
      assert.equal(await groupOf(ann.id), "silver");
      // Callers are served by it at once, like by any change.
      const caller = await admin.sync.findCaller(admin.sync.hashKey(key.key) ?? "");
      assert.equal(caller.found && caller.key.owner.group, "silver");
      const [promoted] = await admin.must("GET", `/api/audit?actor=job:promotion`);
      assert.deepEqual(
        [promoted.actor, promoted.detail.before, promoted.detail.after.group],
        ["job:promotion", { group: "default" }, "silver"],
      );
      // Less credit takes nothing away, and what an operator decides after it stands.
      await credit(admin, ann.id, { amount: -5 });
      assert.equal(await groupOf(ann.id), "silver");
      await admin.must("PATCH", `/api/users/${ann.id}`, { group: "default" });
      await credit(admin, ann.id, { amount: 20 });
      await runJob(admin);
      assert.equal(await groupOf(ann.id), "default");
      await Promise.all(
        [1, 2, 3].map((index) => credit(admin, ann.id, { amount: 50, reference: `r${index}` })),
      );
      assert.equal(await groupOf(ann.id), "gold");

      const jump = await person(admin, "jump");
      await credit(admin, jump.id, { amount: 500 });
      assert.equal(await groupOf(jump.id), "gold");
      await admin.must("PATCH", `/api/users/${jump.id}`, { group: "default" });
      await runJob(admin);
      assert.equal(await groupOf(jump.id), "default");

      const staff = await person(admin, "staff", { group: "staff" });
      await credit(admin, staff.id, { amount: 500 });
      assert.equal(await groupOf(staff.id), "staff");

      // An amount that is set later finds those who have it already.
      const late = await person(admin, "late");
      await credit(admin, late.id, { amount: 7 });
      await admin.must("POST", "/api/groups", { symbol: "bronze", promoteAt: 5 });
      await runJob(admin);
      assert.deepEqual([await groupOf(late.id), await groupOf(jump.id)], ["bronze", "default"]);
    },
  );

test("no credit is accepted while the database cannot be asked, and none is lost or doubled by trying again", async () => {
  await using admin = await openAdmin();
  const ann = await person(admin, "ann");
  admin.down = true;
  const refused = await credit(admin, ann.id, { amount: 1, reference: "again" });
  admin.down = false;
  assert.equal(refused.status, 503);
  assert.equal((await credit(admin, ann.id, { amount: 1, reference: "again" })).status, 201);
  assert.equal(
    (await credit(admin, ann.id, { amount: 1, reference: "again" })).body.data.balance,
    "1",
  );
  assert.equal((await admin.ask("GET", "/api/me", undefined, { token: rootToken })).status, 200);
});
