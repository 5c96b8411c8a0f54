/** Deny by default: every route against every role and no token at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { skipReason, SQL_ENGINES } from "../../test/engines/engines.ts";
import { openAdmin, rootToken } from "../../test/admin/open-admin.ts";
import type { TestAdmin } from "../../test/admin/open-admin.ts";
import { makeAdmin } from "./registry.ts";

/** Who may call what: written out, so that opening a route is a visible change. */
const allowed: Readonly<Record<string, string>> = {
  "GET /api/me": "root admin member",
  "GET /api/me/account": "root admin member",
  "GET /api/users/:id/entries": "root admin member",
  "POST /api/codes/redeem": "root admin member",
  "GET /api/keys": "root admin member",
  "GET /api/keys/:id": "root admin member",
  "POST /api/keys": "root admin member",
  "PATCH /api/keys/:id": "root admin member",
  "DELETE /api/keys/:id": "root admin member",
  "GET /api/users/:id/tokens": "root admin member",
  "POST /api/users/:id/tokens": "root admin member",
  "DELETE /api/users/:id/tokens/:tokenId": "root admin member",
  "GET /api/models": "root admin member",
  "GET /api/models/:id": "root admin member",
  "GET /api/calls": "root admin member",
  "GET /api/calls/:id": "root admin member",
  "GET /api/usage": "root admin member",
  "GET /api/budgets": "root admin member",
  "GET /api/jobs": "root admin member",
  "GET /api/budgets/:kind/:id": "root admin member",
  "PATCH /api/settings": "root",
  "POST /api/setup": "anyone",
  "GET /api/openapi.json": "anyone",
  "GET /api/docs": "anyone",
};

interface People {
  readonly admin: { id: number; token: string };
  readonly member: { id: number; token: string };
  readonly other: { id: number; token: string };
}

async function people(admin: TestAdmin): Promise<People> {
  const make = async (username: string, role: string): Promise<{ id: number; token: string }> => {
    const { id } = await admin.must("POST", "/api/users", { username, role });
    const { token } = await admin.must("POST", `/api/users/${id}/tokens`, {});
    return { id, token };
  };
  return {
    admin: await make("adm", "admin"),
    member: await make("mem", "member"),
    other: await make("oth", "member"),
  };
}

test("every route is closed to whoever it does not name", async () => {
  await using admin = await openAdmin();
  const who = await people(admin);
  const tokens: Record<string, string | null> = {
    nobody: null,
    stranger: "wrong-token",
    root: rootToken,
    admin: who.admin.token,
    member: who.member.token,
  };
  for (const route of makeAdmin(admin.parts)) {
    const name = `${route.method} ${route.path}`;
    const expected = allowed[name] ?? "root admin";
    assert.equal(route.roles.join(" "), expected, name);
    const path = route.path.replaceAll(/:\w+/g, "999999");
    for (const [role, token] of Object.entries(tokens)) {
      const answer = await admin.ask(route.method, path, route.method === "GET" ? undefined : "{", {
        token,
      });
      const open = expected === "anyone" || expected.split(" ").includes(role);
      const wanted = open ? "let in" : token === null || role === "stranger" ? "401" : "403";
      const seen =
        answer.status === 401 ||
        (answer.status === 403 &&
          answer.body.code === "forbidden" &&
          /needs the role/.test(answer.body.detail))
          ? String(answer.status)
          : "let in";
      assert.equal(
        seen,
        wanted,
        `${name} as ${role}: ${answer.status} ${answer.text.slice(0, 200)}`,
      );
    }
  }
});

test("members see and change their own keys, calls and tokens, and nobody else's are there", async () => {
  await using admin = await openAdmin();
  const { member, other } = await people(admin);
  const as = { token: member.token };
  const mine = await admin.must("POST", "/api/keys", { name: "mine" }, as);
  assert.equal(mine.owner, member.id);
  const foreign = await admin.must("POST", "/api/keys", { name: "foreign", owner: other.id });
  assert.deepEqual(
    (await admin.must("GET", "/api/keys", undefined, as)).map((key: { name: string }) => key.name),
    ["mine"],
  );
  assert.deepEqual(
    (await admin.must("GET", `/api/keys?owner=${other.id}`, undefined, as)).map(
      (key: { name: string }) => key.name,
    ),
    ["mine"],
  );
  for (const method of ["GET", "PATCH", "DELETE"])
    assert.equal(
      (await admin.ask(method, `/api/keys/${foreign.id}`, method === "GET" ? undefined : {}, as))
        .status,
      404,
    );
  assert.equal(
    (await admin.ask("POST", "/api/keys", { name: "x", owner: other.id }, as)).status,
    403,
  );
  assert.equal(
    (await admin.ask("PATCH", `/api/keys/${mine.id}`, { owner: other.id }, as)).status,
    403,
  );
  await admin.must("POST", "/api/groups", { symbol: "cheap" });
  await admin.must("POST", "/api/groups", { symbol: "open", public: true });
  assert.equal(
    (await admin.ask("PATCH", `/api/keys/${mine.id}`, { group: "cheap" }, as)).status,
    422,
  );
  await admin.must("PATCH", `/api/keys/${mine.id}`, { group: "open" }, as);
  assert.equal(
    (await admin.ask("GET", `/api/users/${other.id}/tokens`, undefined, as)).status,
    404,
  );
  assert.equal((await admin.ask("POST", `/api/users/${other.id}/tokens`, {}, as)).status, 404);
  const tokens = await admin.must("GET", `/api/users/${member.id}/tokens`, undefined, as);
  assert.equal(tokens.length, 1);
  await admin.must("DELETE", `/api/users/${member.id}/tokens/${tokens[0].id}`, undefined, as);
  assert.equal((await admin.ask("GET", "/api/me", undefined, as)).status, 401);
});

test("an admin manages members, never equals or root, and raises nobody", async () => {
  await using admin = await openAdmin();
  const { admin: adm, member } = await people(admin);
  const as = { token: adm.token };
  const second = await admin.must("POST", "/api/users", { username: "adm2", role: "admin" });
  await admin.must("PATCH", `/api/users/${member.id}`, { status: "disabled" }, as);
  await admin.must("POST", "/api/keys", { name: "for member", owner: member.id }, as);
  const root = (await admin.must("GET", "/api/users?role=root"))[0];
  for (const id of [root.id, second.id]) {
    assert.equal(
      (await admin.ask("PATCH", `/api/users/${id}`, { status: "disabled" }, as)).status,
      403,
    );
    assert.equal((await admin.ask("DELETE", `/api/users/${id}`, undefined, as)).status, 403);
    assert.equal((await admin.ask("POST", `/api/users/${id}/tokens`, {}, as)).status, 404);
    assert.equal((await admin.ask("POST", "/api/keys", { name: "x", owner: id }, as)).status, 403);
  }
  const [rootsKey] = await admin.must("GET", `/api/keys?owner=${root.id}`);
  assert.equal((await admin.ask("DELETE", `/api/keys/${rootsKey.id}`, undefined, as)).status, 403);
  assert.equal(
    (await admin.ask("PATCH", `/api/users/${adm.id}`, { role: "root" }, as)).status,
    403,
  );
  assert.equal(
    (await admin.ask("PATCH", `/api/users/${member.id}`, { role: "admin" }, as)).status,
    403,
  );
  assert.equal(
    (await admin.ask("POST", "/api/users", { username: "new", role: "root" }, as)).status,
    403,
  );
});

for (const engine of SQL_ENGINES)
  test(`one enabled root always remains: ${engine}`, { skip: skipReason(engine) }, async () => {
    await using admin = await openAdmin({ engine });
    const root = (await admin.must("GET", "/api/users?role=root"))[0];
    for (const edit of [{ role: "admin" }, { status: "disabled" }]) {
      const refused = await admin.ask("PATCH", `/api/users/${root.id}`, edit);
      assert.equal(refused.status, 409);
      assert.match(refused.body.detail, /last enabled root/);
    }
    assert.equal((await admin.ask("DELETE", `/api/users/${root.id}`)).status, 409);
    const second = await admin.must("POST", "/api/users", { username: "root2", role: "root" });
    const disabled = await admin.must("PATCH", `/api/users/${second.id}`, { status: "disabled" });
    assert.equal((await admin.ask("DELETE", `/api/users/${root.id}`)).status, 409);
    await admin.must("PATCH", `/api/users/${disabled.id}`, { status: "enabled" });
    const both = await Promise.all(
      [root.id, second.id].map((id) => admin.ask("PATCH", `/api/users/${id}`, { role: "admin" })),
    );
    assert.equal(
      both.filter((answer) => answer.status === 200).length,
      1,
      both.map((answer) => answer.text).join(),
    );
  });

for (const engine of SQL_ENGINES)
  test(
    `keys and tokens go with their owner, at once: ${engine}`,
    { skip: skipReason(engine) },
    async () => {
      await using admin = await openAdmin({ engine });
      const { member } = await people(admin);
      const { key } = await admin.must("POST", "/api/keys", { name: "k" }, { token: member.token });
      const hash = admin.sync.hashKey(key) ?? "";
      assert.equal((await admin.sync.findCaller(hash)).found, true);
      await admin.must("DELETE", `/api/users/${member.id}`);
      assert.deepEqual(await admin.sync.findCaller(hash), { found: false, reason: "unknown" });
      assert.equal(
        (await admin.ask("GET", "/api/me", undefined, { token: member.token })).status,
        401,
      );
      assert.deepEqual(
        await admin.database.reads
          .selectFrom("tokens")
          .select("id")
          .where("user_id", "=", BigInt(member.id))
          .execute(),
        [],
      );
    },
  );
