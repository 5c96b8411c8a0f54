/**
 * Claude on Bedrock and on Vertex take no URLs: what a body names by one reaches them inline, though it passes through,
 * and nothing else of it changes.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { tinyPng } from "../fakes/conversations.ts";
import {
  type FakeUpstream,
  inTurn,
  json,
  openFakeUpstream,
  reply,
  status,
} from "../fakes/upstream.ts";
import { type ChannelSpec, closing, openYard, testKey, type YardSpec } from "./call-harness.ts";
import { notes, openSite, pdf, png } from "./media-site.ts";

const allowed = { MEDIA_ALLOWED_RANGES: "127.0.0.1" };

const seen = json({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "claude-x",
  content: [{ type: "text", text: "seen" }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 3, output_tokens: 2 },
});

/** Both vendors, with what they want of a body beside. */
const clouds = [
  {
    provider: "bedrock",
    model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    settings: { region: "us-east-1" },
    head: '"anthropic_version":"bedrock-2023-05-31",',
  },
  {
    provider: "vertex",
    model: "claude-sonnet-4-5@20250929",
    settings: { project: "my-project-1", region: "us-east5" },
    head: '"anthropic_version":"vertex-2023-10-16",',
  },
] as const;

type Cloud = (typeof clouds)[number];
const [bedrock, vertex] = clouds;

function channelOf(one: FakeUpstream, cloud: Cloud, more: Partial<ChannelSpec> = {}): ChannelSpec {
  return {
    provider: cloud.provider,
    baseUrl: `http://127.0.0.1:${one.port}`,
    modelMapping: { "own-model": cloud.model },
    options: { settings: cloud.settings },
    credentials: ["a-key"],
    ...more,
  };
}

interface Got {
  readonly status: number;
  readonly text: string;
}

async function askVia(t: TestContext, spec: YardSpec, path = "/v1/messages") {
  const yard = await openYard(t, spec);
  return async (body: string): Promise<Got> => {
    const response = await fetch(yard.url + path, {
      method: "POST",
      headers: { "x-api-key": testKey, "content-type": "application/json" },
      body,
    });
    return { status: response.status, text: await response.text() };
  };
}

const answering = async (t: TestContext): Promise<FakeUpstream> =>
  closing(t, await openFakeUpstream(seen));
const sent = (one: FakeUpstream, index = 0): string => one.requests[index]!.body.toString();
const base64 = (type: string, data: string): string =>
  `{"type":"base64","media_type":"${type}","data":"${data}"}`;
const body = (...blocks: readonly string[]): string =>
  `{"model":"own-model","max_tokens":9,"messages":[{"role":"user","content":[${blocks.join(",")}]}]}`;
const image = (url: string): string => `{"type":"image","source":{"type":"url","url":"${url}"}}`;

/** A body written as no serialiser would, with places for its sources. */
function oddBody(sources: {
  readonly png: string;
  readonly pdf: string;
  readonly notes: string;
  readonly result: string;
  readonly inner: string;
}): string {
  return String.raw`{ "metadata" : {"user_id":"a\u0062c"},"max_tokens":1.0e2,
  "tools":[{"name":"look","input_schema":{"type":"object","properties":{"url":{"const":"url"}}}}],
  "messages": [
    {"role":"user", "content":[ {"type":"text","text":"Gr\u00fc\u00dfe \"url\" 🙂"} ,
      {"cache_control":{"type":"ephemeral"},"source": ${sources.png} ,"type":"image"},
      {"type":"document","source":${sources.pdf},"title":"A \/ B","citations":{"enabled":true}},
      {"type":"document","source":${sources.notes},"later":12345678901234567890}
    ]},
    {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"look","input":{"type":"url","url":"http:\/\/127.0.0.1:9\/"}}]},
    {"content":[{"type":"tool_result","tool_use_id":"t1","content":[
       {"type":"text","text":"{\"type\":\"url\",\"url\":\"x\"}"},{"type":"image","source":${sources.result}},
       {"type":"document","source":{"type":"content","content":[{"type":"image","source":${sources.inner}}]}}]}],"role":"user"}
  ]  }`;
}

for (const cloud of clouds)
  test(`${cloud.provider}: what is named by URL goes up inline, all else byte for byte`, async (t) => {
    const site = await openSite(t);
    const one = await answering(t);
    const ask = await askVia(t, { channels: [channelOf(one, cloud)], env: allowed });
    const at = (path: string): string => JSON.stringify({ type: "url", url: site.origin + path });
    const named = oddBody({
      png: `{ "url" : "${site.origin.replaceAll("/", String.raw`\/`)}\\u002fa.png", "type" : "url" }`,
      pdf: at("/a.pdf"),
      notes: at("/notes.md"),
      result: at("/bare"),
      inner: at("/a.png?again"),
    });
    const got = await ask(named.replace('"max_tokens"', '"model":"own-model","max_tokens"'));
    assert.equal(got.status, 200, got.text);
    assert.match(got.text, /"seen"/);
    const inner = base64("image/png", tinyPng);
    const inline = oddBody({
      png: inner,
      pdf: base64("application/pdf", pdf.toString("base64")),
      notes: JSON.stringify({ type: "text", media_type: "text/plain", data: notes }),
      result: inner,
      inner,
    });
    assert.equal(sent(one), inline.replace("{", `{${cloud.head}`));
    assert.deepEqual(site.asked.toSorted(), [
      "/a.pdf",
      "/a.png",
      "/a.png?again",
      "/bare",
      "/notes.md",
    ]);
  });

test("the same URL is fetched once a call, whichever channel is tried", async (t) => {
  const site = await openSite(t);
  const failing = closing(t, await openFakeUpstream(status(500)));
  const one = await answering(t);
  const ask = await askVia(t, {
    channels: [
      channelOf(failing, bedrock, { priority: 9 }),
      channelOf(failing, vertex, { priority: 8 }),
      // Translated: the same files serve it.
      channelOf(failing, vertex, {
        provider: "custom",
        options: { dialects: ["bedrock-converse"] },
        priority: 7,
      }),
      channelOf(one, vertex, { priority: 1 }),
    ],
    settings: { retryTimes: 5 },
    env: allowed,
  });
  const got = await ask(body(image(`${site.origin}/a.png`), image(`${site.origin}/a.png`)));
  assert.equal(got.status, 200, got.text);
  assert.equal(failing.requests.length, 3);
  const inline = `{"type":"image","source":${base64("image/png", tinyPng)}}`;
  assert.ok(sent(one).endsWith(`"content":[${inline},${inline}]}]}`), sent(one));
  assert.ok(sent(failing).endsWith(`"content":[${inline},${inline}]}]}`), sent(failing));
  assert.deepEqual(site.asked, ["/a.png"]);
});

test("a channel that fetches itself gets the URL, also where the gateway may not fetch", async (t) => {
  const site = await openSite(t);
  const one = await answering(t);
  const two = await answering(t);
  const ask = await askVia(t, {
    channels: [
      channelOf(one, bedrock, { priority: 9 }),
      {
        baseUrl: `http://127.0.0.1:${two.port}`,
        options: { dialects: ["anthropic-messages"] },
        priority: 1,
      },
    ],
    settings: { retryTimes: 0 },
  });
  const asked = body(image(`${site.origin}/a.png`));
  const got = await ask(asked);
  assert.equal(got.status, 200, got.text);
  assert.deepEqual([one.requests.length, sent(two), site.asked.length], [0, asked, 0]);
});

test("what cannot be fetched is 400 with the caller's field, and nobody is asked", async (t) => {
  const site = await openSite(t);
  const one = await answering(t);
  const ask = await askVia(t, { channels: [channelOf(one, vertex)], env: allowed });
  const decoy = (url: string): string =>
    `{"type":"tool_use","id":"t1","name":"go","input":{"url":"${url}"}}`;
  const field = "messages[2].content[0].content[1].source.url";
  const refusal = async (url: string, type = "image"): Promise<string> => {
    const source = `{"type":"${type}","source":{"type":"url","url":"${url}"}}`;
    const got = await ask(
      `{"model":"own-model","max_tokens":9,"messages":[{"role":"user","content":"Go"},` +
        `{"role":"assistant","content":[${decoy(url)}]},{"role":"user","content":[` +
        `{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"x"},${source}]}]}]}`,
    );
    assert.equal(got.status, 400, got.text);
    const { type: kind, error } = JSON.parse(got.text) as {
      type: string;
      error: { type: string; message: string };
    };
    assert.deepEqual([kind, error.type], ["error", "invalid_request_error"]);
    assert.ok(error.message.includes(`\`${field}\` `), error.message);
    return error.message;
  };
  assert.match(await refusal(`${site.origin}/none.png`), /status 404/);
  assert.match(await refusal(`${site.origin}/page.png`), /no image, document, audio or video/);
  assert.match(await refusal(`${site.origin}/a.pdf`), /application\/pdf, which is no image/);
  assert.match(
    await refusal(`${site.origin}/a.png`, "document"),
    /image\/png, which is no document/,
  );
  assert.match(await refusal(`${site.origin}/a.wav`, "document"), /which is no document/);
  for (const url of ["http://169.254.169.254/latest/", "http://10.0.0.1/", "http://[fd00::1]/"])
    assert.match(await refusal(url), /not on the public internet, or does not answer/, url);
  assert.match(await refusal("https://user:pass@x.test/"), /user name or password/);
  site.serve((_request, response) => {
    response
      .writeHead(200, { "content-type": "image/png", "content-length": "30000000" })
      .write("x");
  });
  assert.match(await refusal(`${site.origin}/a.png`), /more than 20 MB/);
  assert.equal(one.requests.length, 0);
});

test("bounds hold for a call and for the process", async (t) => {
  const site = await openSite(t);
  const one = await answering(t);
  const large = Buffer.concat([png, Buffer.alloc(17 * 1024 * 1024)]);
  site.serve(
    (_request, response) =>
      void response.writeHead(200, { "content-type": "image/png" }).end(large),
  );
  const channels = [channelOf(one, bedrock)];
  const ask = await askVia(t, { channels, env: allowed });
  const many = Array.from({ length: 21 }, (_none, index) => image(`${site.origin}/${index}`));
  const tooMany = await ask(body(...many));
  assert.equal(tooMany.status, 400);
  assert.match(tooMany.text, /messages\[0\]\.content\[20\]\.source\.url` is one URL too many: 20/);
  assert.equal(site.asked.length, 0);
  const two = await ask(body(...many.slice(0, 2)));
  assert.equal(two.status, 400, two.text);
  assert.match(two.text, /the 32 MB that are fetched for a call/);
  // What is named twice goes up twice.
  const same = await ask(body(...Array.from({ length: 2 }, () => image(`${site.origin}/0`))));
  assert.equal(same.status, 400, same.text.slice(0, 500));
  assert.match(same.text, /the 32 MB that are fetched for a call/);
  const small = await askVia(t, { channels, env: { ...allowed, MAX_HELD_SIZE: "4MB" } });
  assert.equal((await small(body(image(`${site.origin}/1`)))).status, 503);
  site.serve(
    (_request, response) =>
      void response.writeHead(200, { "content-type": "image/png" }).end(large.subarray(0, 900_000)),
  );
  assert.equal(
    (await small(body(...Array.from({ length: 2 }, () => image(`${site.origin}/1`))))).status,
    503,
  );
  for (let index = 0; index < 4; index += 1)
    assert.equal((await small(body(image(`${site.origin}/1`)))).status, 200);
});

test("what is not on the web is the vendor's to judge, and so is what is written in another way", async (t) => {
  const site = await openSite(t);
  const one = await answering(t);
  const ask = await askVia(t, { channels: [channelOf(one, vertex)], env: allowed });
  const blocks = [
    image("s3://bucket/a.png"),
    image("data:image/png;base64,AA"),
    `{"type":"image","source":{"type":"url"}}`,
    `{"type":"image","source":{"type":"url","url":7}}`,
    `{"type":"image","source":{"type":"url","url":"${site.origin}/a.png","url":"${site.origin}/a.pdf"}}`,
    `{"type":"video","source":{"type":"url","url":"${site.origin}/a.png"}}`,
    `{"type":"image","source":"url"}`,
    `"url"`,
  ];
  for (const block of blocks) {
    const got = await ask(body(block));
    assert.equal(got.status, 200, got.text);
    assert.ok(sent(one, one.requests.length - 1).includes(block), block);
  }
  assert.equal(site.asked.length, 0);
});

test("tokens are counted on Vertex with what stands at the URL; what cannot be had is counted here", async (t) => {
  const site = await openSite(t);
  const one = closing(t, await openFakeUpstream(json({ input_tokens: 77 })));
  const ask = await askVia(
    t,
    { channels: [channelOf(one, vertex)], env: allowed },
    "/v1/messages/count_tokens",
  );
  const got = await ask(body(image(`${site.origin}/a.png`)));
  assert.deepEqual([got.status, got.text], [200, '{"input_tokens":77}']);
  assert.ok(sent(one).includes(base64("image/png", tinyPng)), sent(one));
  assert.equal((await ask(body(image(`${site.origin}/none`)))).status, 200);
  assert.equal(one.requests.length, 1);
});

test("a second try without signatures keeps what was fetched", async (t) => {
  const site = await openSite(t);
  const message = "messages.1.content.0: Invalid `signature` in `thinking` block";
  const error = { type: "invalid_request_error", message };
  const refused = reply(JSON.stringify({ type: "error", error }), {}, 400);
  const one = closing(t, await openFakeUpstream(inTurn(refused, seen)));
  const ask = await askVia(t, { channels: [channelOf(one, vertex)], env: allowed });
  const thought = '{"type":"thinking","thinking":"hm","signature":"c2ln"}';
  const got = await ask(
    `{"model":"own-model","max_tokens":9,"messages":[{"role":"user","content":[${image(`${site.origin}/a.png`)}]},` +
      `{"role":"assistant","content":[${thought},{"type":"text","text":"A dot."}]},{"role":"user","content":"Sure?"}]}`,
  );
  assert.equal(got.status, 200, got.text);
  assert.ok(sent(one, 1).includes(tinyPng) && !sent(one, 1).includes("c2ln"), sent(one, 1));
  assert.deepEqual(site.asked, ["/a.png"]);
});
