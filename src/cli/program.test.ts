import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { CommandFailure } from "./exit-codes.ts";
import { makeProgram } from "./program.ts";
import type { ProgramParts, ServeOptions } from "./program.ts";

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}
interface Answer {
  readonly status?: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Plays answers that a healthy node seldom gives; ordinary ones are tested against real nodes in test/e2e. */
const sent: Sent[] = [];
let answers: Answer[] = [];
let url = "";
let folder = "";
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { method = "", headers } = request;
    sent.push({ method, url: request.url ?? "", headers, body: Buffer.concat(chunks).toString() });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    response.writeHead(answer?.status ?? 200, { ...answer?.headers });
    response.end(answer?.body ?? "{}");
  });
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  folder = await mkdtemp(join(tmpdir(), "cli-"));
});
beforeEach(() => {
  sent.length = 0;
  answers = [{ body: '{"data":{"id":1},"revision":7}' }];
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
  readonly served: readonly ServeOptions[];
}

async function run(
  line: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  given: Partial<ProgramParts> = {},
): Promise<Ran> {
  const out: string[] = [];
  const error: string[] = [];
  const served: ServeOptions[] = [];
  const variables: Readonly<Record<string, string>> = {
    SWITCHYARD_URL: url,
    SWITCHYARD_TOKEN: "management",
    ...environment,
  };
  const program = makeProgram({
    version: "1.2.3",
    environment: (name) => variables[name],
    print: (text) => out.push(text),
    printError: (text) => error.push(text),
    readStdin: async () => "from-stdin\n",
    serve: async (options) => {
      served.push(options);
      return 0;
    },
    renewSetupLink: async () => "http://127.0.0.1:3000/setup#token",
    doctorProbes: () => ({ config: { faults: [], ineffective: [] }, machine: undefined }),
    ...given,
  });
  const code = await program.run(line);
  return { code, out: out.join("\n"), error: error.join("\n"), served };
}

const addChannel = "channels add --name a --provider openai --model m".split(" ");

test("no command, or flags alone, serve", async () => {
  assert.deepEqual((await run([])).served, [{ demo: false }]);
  const flags = ["--demo", "--port", "0", "--host", "::1", "--data", "d"];
  const expected = { demo: true, port: 0, host: "::1", dataDir: "d" };
  assert.deepEqual((await run(flags)).served, [expected]);
  assert.deepEqual((await run(["serve", ...flags])).served, [expected]);
  for (const port of ["x", "65536", "-1", "1e3"])
    assert.equal((await run(["serve", "--port", port])).code, 2);
});

test("the exit code of serve is the program's", async () => {
  assert.equal((await run(["serve"], {}, { serve: async () => 2 })).code, 2);
  const failing = { serve: () => Promise.reject(new CommandFailure(2, "wrong", ["why"])) };
  const ran = await run(["serve"], {}, failing);
  assert.deepEqual([ran.code, ran.error], [2, "error: wrong\n  why"]);
});

test("help and version end with 0, wrong usage with 2 and a hint", async () => {
  assert.equal((await run(["--version"])).out, "1.2.3");
  assert.match((await run(["--help"])).out, /Exit codes: 0 done, 1 failed, 2 wrong usage/);
  assert.match((await run(["channels", "add", "--help"])).out, /--credential-file/);
  const typo = await run(["chanels", "list"]);
  assert.deepEqual([typo.code, typo.error.includes("Did you mean channels?")], [2, true]);
  for (const line of [
    ["channels"],
    ["channels", "list", "--nope"],
    ["keys", "get"],
    ["nodes", "x"],
  ])
    assert.equal((await run(line)).code, 2, line.join(" "));
  assert.equal(sent.length, 0);
});

test("LOCALE wins over LANG, and help is translated", async () => {
  const environment = { LANG: "zh_CN.UTF-8" };
  assert.match((await run(["--help"], environment)).out, /命令：/);
  assert.match((await run(["channels", "list", "--nope"], environment)).error, /未知选项 --nope/);
  assert.match((await run(["--help"], { ...environment, LC_ALL: "" })).out, /命令：/);
  assert.match((await run(["--help"], { ...environment, LOCALE: "en" })).out, /Commands:/);
});

test("flags become the fields of the management API", async () => {
  const line = [
    ...addChannel,
    ..."--model gpt-4* --group default --group vip --priority -3 --weight 2".split(" "),
    ..."--map a=b=c --header x-a=1 --base-url https://h/v1 --credential-stdin --wait".split(" "),
    "--set",
    '{"timeouts":{"connectMs":5},"weight":9}',
  ];
  assert.equal((await run(line)).code, 0);
  assert.equal(sent[0]?.method, "POST");
  assert.equal(sent[0]?.url, "/api/channels?wait=converged&timeout=5s");
  assert.equal(sent[0]?.headers["authorization"], "Bearer management");
  assert.deepEqual(JSON.parse(sent[0]?.body ?? ""), {
    name: "a",
    provider: "openai",
    models: ["m", "gpt-4*"],
    baseUrl: "https://h/v1",
    groups: ["default", "vip"],
    priority: -3,
    weight: 9,
    modelMapping: { a: "b=c" },
    headers: { "x-a": "1" },
    credentials: ["from-stdin"],
    timeouts: { connectMs: 5 },
  });
});

test("a channel's options have flags of their own", async () => {
  const line = [
    ...addChannel,
    ..."--without-credential --setting region=us-east-1 --setting a=b=c --dialect openai-chat".split(
      " ",
    ),
    ..."--dialect anthropic-messages --bill-as sent --disabled-stream o1* --only-chat true".split(
      " ",
    ),
    ..."--test-model small --unsealed-ids false".split(" "),
  ];
  assert.equal((await run(line)).code, 0);
  const {
    name: _name,
    provider: _provider,
    models: _models,
    ...options
  } = JSON.parse(sent[0]?.body ?? "");
  assert.deepEqual(options, {
    credentials: [],
    settings: { region: "us-east-1", a: "b=c" },
    dialects: ["openai-chat", "anthropic-messages"],
    billAs: "sent",
    disabledStream: ["o1*"],
    onlyChat: true,
    testModel: "small",
    unsealedIds: false,
  });
});

test("an upstream's models are told one a line", async () => {
  const body = '{"data":[{"id":"gpt-4o"},{"id":"o3"}]}';
  answers = [{ body }];
  const ran = await run(["channels", "models", "7"]);
  assert.deepEqual([ran.code, ran.out], [0, "gpt-4o\no3"]);
  assert.deepEqual([sent[0]?.method, sent[0]?.url], ["GET", "/api/channels/7/upstream-models"]);
  answers = [{ body }];
  const json = await run(["channels", "models", "7", "-o", "json"]);
  assert.deepEqual(JSON.parse(json.out).data, [{ id: "gpt-4o" }, { id: "o3" }]);
  const detail = "api.openai.com answered 401: Incorrect API key provided";
  answers = [{ status: 502, body: JSON.stringify({ code: "upstream_auth", status: 502, detail }) }];
  const refused = await run(["channels", "models", "7"]);
  assert.equal(refused.code, 1);
  assert.match(refused.error, /Incorrect API key/);
  assert.equal((await run(["keys", "models", "7"])).code, 2);
});

test("credentials come from files, variables and standard input, in that order, never from the line", async () => {
  const file = join(folder, "credential");
  await writeFile(file, "from-file\r\n");
  const line = [...addChannel, "--credential-file", file, "--credential-env", "VENDOR"];
  await run([...line, "--credential-stdin"], { VENDOR: "from-variable" });
  const { credentials } = JSON.parse(sent[0]?.body ?? "");
  assert.deepEqual(credentials, ["from-file", "from-variable", "from-stdin"]);
  await run([...addChannel, "--without-credential"]);
  assert.deepEqual(JSON.parse(sent[1]?.body ?? "").credentials, []);
  const missing = await run(addChannel);
  assert.deepEqual([missing.code, /--credential-file/.test(missing.error)], [2, true]);
  const unset = await run([...addChannel, "--credential-env", "NOT_SET"]);
  assert.deepEqual([unset.code, unset.error], [2, "error: the variable NOT_SET is not set"]);
  const absent = await run([...addChannel, "--credential-file", join(folder, "none")]);
  assert.match(absent.error, /ENOENT/);
  assert.equal(sent.length, 2);
});

test("money goes as decimal text: no float touches it", async () => {
  await run("prices add --model m --mode tokens --input 0.1 --output 12.345678901".split(" "));
  const { input, output } = JSON.parse(sent[0]?.body ?? "");
  assert.deepEqual([input, output], ["0.1", "12.345678901"]);
});

test("an owner is an id where it is all digits, else a name", async () => {
  for (const owner of ["12", "ann"]) await run(["keys", "add", "--name", "k", "--owner", owner]);
  assert.deepEqual(
    sent.map(({ body }) => JSON.parse(body).owner),
    [12, "ann"],
  );
});

test("edit sends only what was named, clears with null, and guards with If-Match", async () => {
  const line = ["channels", "edit", "a/b", "--clear", "base-url", "--clear", "tag"];
  await run([...line, "--status", "disabled", "--if-match", "12"]);
  assert.equal(sent[0]?.method, "PATCH");
  assert.equal(sent[0]?.url, "/api/channels/a%2Fb");
  assert.equal(sent[0]?.headers["if-match"], '"12"');
  const body = JSON.parse(sent[0]?.body ?? "");
  assert.deepEqual(body, { status: "disabled", baseUrl: null, tag: null });
  const nothing = await run(["channels", "edit", "1"]);
  assert.equal(nothing.code, 2);
  assert.equal(sent.length, 1);
});

test("wrong values name the flag and are never sent", async () => {
  for (const [flag, value] of [
    ["--weight", "two"],
    ["--map", "nothing"],
    ["--set", "[1]"],
    ["--set", "{"],
  ] as const) {
    const ran = await run([...addChannel, "--without-credential", flag, value]);
    assert.equal(ran.code, 2, flag);
    assert.match(ran.error, new RegExp(flag));
  }
  const line = ["groups", "add", "--symbol", "s", "--public", "yes"];
  assert.match((await run(line)).error, /--public takes true or false, not yes/);
  assert.equal(sent.length, 0);
});

test("a new key is told apart from the note that it is shown once", async () => {
  answers = [
    { body: '{"data":{"id":4,"key":"sk-abc"},"revision":9,"converged":true,"pending":[]}' },
  ];
  const ran = await run(["keys", "add", "--name", "k", "--wait", "2"]);
  assert.equal(ran.out, "id   4\nkey  sk-abc");
  assert.match(ran.error, /shown this once[^]*revision 9; every live node has it/);
  const json = await run(["keys", "add", "--name", "k", "-o", "json"]);
  assert.equal(JSON.parse(json.out).data.key, "sk-abc");
});

test("a write that is not everywhere in time fails and names the nodes", async () => {
  answers = [{ body: '{"data":{"id":1},"revision":9,"converged":false,"pending":["n2","n3"]}' }];
  const ran = await run(["channels", "remove", "1", "--wait"]);
  assert.equal(ran.code, 1);
  assert.match(ran.error, /not everywhere yet\. Waiting for: n2, n3/);
  assert.equal((await run(["channels", "remove", "1", "--wait", "61"])).code, 2);
});

test("problem details are shown field by field, with the request id", async () => {
  const errors = [{ field: "models[0]", message: "must not be empty" }];
  const problem = { title: "x", status: 422, code: "validation_failed", detail: "No.", errors };
  answers = [{ status: 422, body: JSON.stringify(problem), headers: { "x-request-id": "r-1" } }];
  const ran = await run([...addChannel, "--without-credential"]);
  assert.equal(ran.code, 1);
  const lines = ["error: No. (validation_failed, 422)", "  models[0]: must not be empty"];
  assert.equal(ran.error, [...lines, "  request id: r-1"].join("\n"));
});

test("answers that are no node's are told as such", async () => {
  answers = [{ status: 502, body: "<html>bad gateway" }];
  assert.equal((await run(["nodes"])).error, "error: HTTP 502 (502)");
  answers = [{ body: "<html>a login page" }];
  assert.match((await run(["nodes"])).error, /not a Switchyard node/);
  answers = [{ status: 302, body: "", headers: { location: "https://elsewhere.example" } }];
  const ran = await run(["nodes"]);
  assert.deepEqual([ran.code, sent.length], [1, 3]);
});

test("a wrong token is explained", async () => {
  answers = [{ status: 401, body: '{"code":"unauthorized","detail":"Unknown token"}' }];
  assert.match((await run(["nodes"])).error, /Is SWITCHYARD_TOKEN a management token\?/);
});

test("a node that does not answer is exit code 3, a missing token or a wrong URL 2", async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => closed.once("listening", resolve));
  const gone = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
  await new Promise((resolve) => closed.close(resolve));
  const ran = await run(["nodes", "--url", gone]);
  assert.equal(ran.code, 3);
  assert.match(ran.error, /no answer from .*ECONNREFUSED/);
  assert.equal((await run(["nodes"], { SWITCHYARD_TOKEN: "" })).code, 2);
  assert.equal((await run(["nodes", "--url", "ftp://x"])).code, 2);
});

test("the token may lie in a file, the URL may end in /api, and flags win", async () => {
  const file = join(folder, "token");
  await writeFile(file, "kept\n");
  answers = [{ body: '{"data":[],"nextCursor":null}' }];
  await run(["nodes", "--token-file", file, "--url", `${url}/api/`]);
  assert.equal(sent[0]?.headers["authorization"], "Bearer kept");
  assert.equal(sent[0]?.url, "/api/nodes");
});

test("lists follow every page", async () => {
  answers = [
    { body: '{"data":[{"id":1,"name":"a","models":["m"]}],"nextCursor":"c1"}' },
    { body: '{"data":[{"id":2,"name":"b","models":[]}],"nextCursor":null}' },
  ];
  const ran = await run(["channels", "list"]);
  assert.equal(ran.out.split("\n").length, 3);
  assert.match(ran.out, /^ID {2}NAME/);
  assert.equal(sent[1]?.url, "/api/channels?cursor=c1");
});

const node = (id: string, revision: number, extra: object = {}): object => ({
  id,
  state: "live",
  appliedRevision: revision,
  headRevision: 5,
  commitId: "c5",
  digest: "d",
  ...extra,
});

test("verify: equal nodes pass, and a node that catches up in time passes too", async () => {
  const list = (...nodes: object[]): Answer => ({ body: JSON.stringify({ data: nodes }) });
  answers = [list(node("a", 5), node("b", 5))];
  assert.equal((await run(["sync", "verify"])).code, 0);
  answers = [list(node("a", 5), node("b", 4)), list(node("a", 5), node("b", 5))];
  const ran = await run(["sync", "verify"]);
  assert.deepEqual([ran.code, /All 2 live nodes/.test(ran.out)], [0, true]);
});

test("verify: nodes behind, or different at the same revision, fail by name", async () => {
  const verify = async (...nodes: object[]): Promise<Ran> => {
    answers = [{ body: JSON.stringify({ data: nodes }) }];
    return run(["sync", "verify", "--timeout", "0"]);
  };
  const behind = await verify(node("a", 5), node("b", 4));
  assert.deepEqual(
    [behind.code, /b serves revision 4, the newest is 5/.test(behind.error)],
    [1, true],
  );
  const allBehind = await verify(node("a", 4), node("b", 4));
  assert.equal(allBehind.code, 1);
  const digest = await verify(node("a", 5), node("b", 5, { digest: "other" }));
  assert.match(digest.error, /b serves revision 5, commit c5, digest other/);
  const forked = await verify(node("a", 5), node("b", 5, { commitId: "fork" }));
  assert.equal(forked.code, 1);
  const booting = await verify(node("a", 5), node("b", 5, { appliedRevision: null }));
  assert.equal(booting.code, 1);
  assert.equal((await verify()).code, 1);
});

test("setup-link prints the link alone; doctor fails when something is wrong", async () => {
  assert.equal((await run(["setup-link"])).out, "http://127.0.0.1:3000/setup#token");
  assert.equal((await run(["doctor"])).code, 0);
  const faults = [{ name: "PORT", message: "must be a number" }];
  const given: Partial<ProgramParts> = {
    doctorProbes: () => ({ config: { faults, ineffective: [] }, machine: undefined }),
  };
  const ran = await run(["doctor"], {}, given);
  assert.deepEqual([ran.code, /WRONG {2}config {4}PORT/.test(ran.out)], [1, true]);
  assert.equal(JSON.parse((await run(["doctor", "-o", "json"], {}, given)).out).data.length, 1);
});
