/** Media that callers name by URL reach upstreams that take them only inline, and nobody reaches what is not theirs. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { tinyPng } from "../fakes/conversations.ts";
import { sayChat } from "../fakes/scripted/chat.ts";
import { sayConverse } from "../fakes/scripted/converse.ts";
import { sayGemini } from "../fakes/scripted/gemini.ts";
import { sayMessages } from "../fakes/scripted/messages.ts";
import { sayOllama } from "../fakes/scripted/ollama.ts";
import type { Heard, RenderedTurn, Said } from "../fakes/scripted/turn.ts";
import { type FakeUpstream, openFakeUpstream, reply, status } from "../fakes/upstream.ts";
import { type ChannelSpec, type YardSpec, closing, openYard, testKey } from "./call-harness.ts";
import { openSite, pdf, png, wav } from "./media-site.ts";

type Say = (heard: Heard, said: Said) => RenderedTurn;

async function answering(t: TestContext, say: Say): Promise<FakeUpstream> {
  const heard = { model: "m", stream: false, tools: [], toolChoice: "auto", body: {} };
  const [body = ""] = say(heard as unknown as Heard, { text: "seen" }).pieces;
  return closing(t, await openFakeUpstream(reply(Buffer.from(body as Uint8Array))));
}

function channelOf(
  one: FakeUpstream,
  dialect: string,
  more: Partial<ChannelSpec> = {},
): ChannelSpec {
  return { baseUrl: one.baseUrl.replace(/\/v1$/, ""), options: { dialects: [dialect] }, ...more };
}

const allowed = { MEDIA_ALLOWED_RANGES: "127.0.0.1" };

interface Got {
  readonly status: number;
  readonly text: string;
}

async function askVia(t: TestContext, spec: YardSpec) {
  const yard = await openYard(t, spec);
  return async (path: string, body: object): Promise<Got> => {
    const response = await fetch(yard.url + path, {
      method: "POST",
      headers: { authorization: `Bearer ${testKey}` },
      body: JSON.stringify({ model: "own-model", ...body }),
    });
    return { status: response.status, text: await response.text() };
  };
}

const chatPath = "/v1/chat/completions";
const image = (url: string): object => ({ type: "image_url", image_url: { url } });
const chat = (...parts: readonly object[]): object => ({
  messages: [{ role: "user", content: [{ type: "text", text: "What is it?" }, ...parts] }],
});
const sent = (one: FakeUpstream, index = 0): string => one.requests[index]!.body.toString();

const inlineTargets: readonly (readonly [string, Say, (data: string) => object])[] = [
  ["bedrock-converse", sayConverse, (bytes) => ({ image: { format: "png", source: { bytes } } })],
  ["ollama-chat", sayOllama, (data) => ({ images: [data] })],
  ["gemini-content", sayGemini, (data) => ({ inlineData: { mimeType: "image/png", data } })],
];

for (const [dialect, say, wanted] of inlineTargets)
  test(`an image by URL reaches ${dialect} inline`, async (t) => {
    const site = await openSite(t);
    const one = await answering(t, say);
    const ask = await askVia(t, { channels: [channelOf(one, dialect)], env: allowed });
    const got = await ask(
      chatPath,
      chat(image(`${site.origin}/a.png`), image(`${site.origin}/bare`)),
    );
    assert.equal(got.status, 200, got.text);
    assert.match(got.text, /"seen"/);
    const part = JSON.stringify(wanted(tinyPng)).slice(1, -1);
    const inner = part.startsWith('"images"') ? `"images":["${tinyPng}","${tinyPng}"]` : part;
    assert.ok(sent(one).includes(inner), sent(one));
    assert.ok(!sent(one).includes("http"), sent(one));
    assert.deepEqual(site.asked.toSorted(), ["/a.png", "/bare"]);
  });

test("the same URL is fetched once a call, whoever is tried, and not for whoever fetches itself", async (t) => {
  const site = await openSite(t);
  const failing = closing(t, await openFakeUpstream(status(500)));
  const one = await answering(t, sayConverse);
  const two = await answering(t, sayChat);
  const spec = (last: ChannelSpec): YardSpec => ({
    channels: [
      channelOf(failing, "gemini-content", { priority: 9 }),
      channelOf(failing, "ollama-chat", { priority: 8 }),
      last,
    ],
    env: allowed,
    settings: { retryTimes: 5 },
  });
  const url = `${site.origin}/a.png?sig=x%2Fy`;
  const ask = await askVia(t, spec(channelOf(one, "bedrock-converse")));
  const got = await ask(chatPath, chat(image(url), image(url)));
  assert.equal(got.status, 200, got.text);
  assert.equal(failing.requests.length, 2);
  assert.deepEqual(site.asked, ["/a.png?sig=x%2Fy"]);
  const again = await askVia(t, { channels: [channelOf(two, "openai-chat")], env: allowed });
  assert.equal((await again(chatPath, chat(image(url)))).status, 200);
  assert.ok(sent(two).includes(url));
  const toMessages = await answering(t, sayMessages);
  const third = await askVia(t, {
    channels: [channelOf(toMessages, "anthropic-messages")],
    env: allowed,
  });
  assert.equal((await third(chatPath, chat(image(url)))).status, 200);
  assert.ok(sent(toMessages).includes(`{"type":"url","url":"${url}"}`));
  assert.equal(site.asked.length, 1);
});

test("documents and sound by URL become data where only data are taken", async (t) => {
  const site = await openSite(t);
  const document = { type: "document", source: { type: "url", url: `${site.origin}/a.pdf` } };
  const messages = { max_tokens: 9, messages: [{ role: "user", content: [document] }] };
  const targets: readonly (readonly [string, Say, string])[] = [
    ["openai-chat", sayChat, `"file_data":"data:application/pdf;base64,${pdf.toString("base64")}"`],
    ["bedrock-converse", sayConverse, `"source":{"bytes":"${pdf.toString("base64")}"}`],
    [
      "gemini-content",
      sayGemini,
      `"mimeType":"application/pdf","data":"${pdf.toString("base64")}"`,
    ],
  ];
  for (const [dialect, say, wanted] of targets) {
    const one = await answering(t, say);
    const ask = await askVia(t, { channels: [channelOf(one, dialect)], env: allowed });
    const got = await ask("/v1/messages", messages);
    assert.equal(got.status, 200, got.text);
    assert.ok(sent(one).includes(wanted), sent(one));
  }
  const one = await answering(t, sayChat);
  const ask = await askVia(t, { channels: [channelOf(one, "openai-chat")], env: allowed });
  const path = "/v1beta/models/own-model:generateContent";
  const file = (fileUri: string, mimeType?: string): object => ({
    contents: [{ role: "user", parts: [{ text: "x" }, { file_data: { fileUri, mimeType } }] }],
  });
  assert.equal((await ask(path, file(`${site.origin}/a.wav`, "audio/wav"))).status, 200);
  assert.ok(sent(one).includes(`{"data":"${wav.toString("base64")}","format":"wav"}`), sent(one));
  // Who does not say what it is hears no complaint when it is an image.
  assert.equal((await ask(path, file(`${site.origin}/bare`))).status, 200);
  assert.ok(sent(one, 1).includes(`data:image/png;base64,${tinyPng}`), sent(one, 1));
  const wrong = await ask(path, file(`${site.origin}/a.pdf`, "audio/wav"));
  assert.equal(wrong.status, 400);
  assert.match(
    wrong.text,
    /`contents\[0\]\.parts\[1\]\.file_data\.fileUri` leads to application\/pdf/,
  );
});

test("images in results of tools are fetched too", async (t) => {
  const site = await openSite(t);
  const one = await answering(t, sayConverse);
  const ask = await askVia(t, { channels: [channelOf(one, "bedrock-converse")], env: allowed });
  const result = { type: "image", source: { type: "url", url: `${site.origin}/a.png` } };
  const got = await ask("/v1/messages", {
    max_tokens: 9,
    tools: [{ name: "look", input_schema: { type: "object" } }],
    messages: [
      { role: "user", content: "look" },
      { role: "assistant", content: [{ type: "tool_use", id: "t1", name: "look", input: {} }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: [result] }] },
    ],
  });
  assert.equal(got.status, 200, got.text);
  assert.ok(sent(one).includes(`"bytes":"${tinyPng}"`), sent(one));
});

test("what cannot be fetched is 400 with the caller's field, and nobody is asked", async (t) => {
  const site = await openSite(t);
  const one = await answering(t, sayConverse);
  const resolve = (name: string): Promise<readonly string[]> =>
    Promise.resolve(name === "inner.test" ? ["10.1.2.3"] : []);
  const ask = await askVia(t, {
    channels: [channelOf(one, "bedrock-converse")],
    env: allowed,
    resolve,
  });
  const field = "messages[0].content[1].image_url.url";
  const refusal = async (url: string): Promise<string> => {
    const got = await ask(chatPath, chat(image(url)));
    assert.equal(got.status, 400, got.text);
    const { error } = JSON.parse(got.text) as { error: { message: string; param: string } };
    assert.equal(error.param, field);
    assert.ok(error.message.includes(`\`${field}\``), error.message);
    return error.message.slice(error.message.indexOf(`\`${field}\` `) + field.length + 3);
  };
  const host = await refusal("http://169.254.169.254/latest/meta-data/");
  assert.match(host, /not on the public internet, or does not answer/);
  // An inner name, an unknown one and an inner address are told in the same words.
  for (const url of [
    "http://inner.test/",
    "http://nobody.test/",
    "http://[fd00::1]/",
    "http://10.0.0.1/",
  ])
    assert.equal(await refusal(url), host, url);
  assert.match(await refusal("http://inner.test:8080/"), /port other than 80 and 443/);
  assert.match(await refusal("https://user:pass@x.test/"), /user name or password/);
  assert.match(await refusal(`${site.origin}/none.png`), /status 404/);
  assert.match(await refusal(`${site.origin}/lie.png`), /no image, document, audio or video/);
  assert.match(await refusal(`${site.origin}/page.png`), /no image, document, audio or video/);
  assert.match(await refusal(`${site.origin}/a.pdf`), /application\/pdf, which is no image/);
  site.serve(
    (_request, response) => void response.writeHead(302, { location: "http://[::1]/" }).end(),
  );
  assert.equal(await refusal(`${site.origin}/a.png`), host);
  site.serve((request, response) => void response.writeHead(302, { location: request.url }).end());
  assert.match(await refusal(`${site.origin}/a.png`), /redirects too often/);
  site.serve((_request, response) => {
    response
      .writeHead(200, { "content-type": "image/png", "content-length": "30000000" })
      .write("x");
  });
  assert.match(await refusal(`${site.origin}/a.png`), /more than 20 MB/);
  assert.equal(one.requests.length, 0);
});

test("a channel that fetches itself is asked where the gateway may not", async (t) => {
  const site = await openSite(t);
  const one = await answering(t, sayConverse);
  const two = await answering(t, sayChat);
  const ask = await askVia(t, {
    channels: [
      channelOf(one, "bedrock-converse", { priority: 9 }),
      channelOf(two, "openai-chat", { priority: 1 }),
    ],
    settings: { retryTimes: 0 },
  });
  const got = await ask(chatPath, chat(image(`${site.origin}/a.png`)));
  assert.equal(got.status, 200, got.text);
  assert.deepEqual([one.requests.length, two.requests.length, site.asked.length], [0, 1, 0]);
});

test("bounds hold for a call and for the process", async (t) => {
  const site = await openSite(t);
  const one = await answering(t, sayOllama);
  const large = Buffer.concat([png, Buffer.alloc(17 * 1024 * 1024)]);
  site.serve(
    (_request, response) =>
      void response.writeHead(200, { "content-type": "image/png" }).end(large),
  );
  const channels = [channelOf(one, "ollama-chat")];
  const ask = await askVia(t, { channels, env: allowed });
  const many = Array.from({ length: 21 }, (_none, index) => image(`${site.origin}/${index}`));
  const tooMany = await ask(chatPath, chat(...many));
  assert.equal(tooMany.status, 400);
  assert.match(tooMany.text, /content\[21\]\.image_url\.url` is one URL too many: 20/);
  assert.equal(site.asked.length, 0);
  const two = await ask(chatPath, chat(...many.slice(0, 2)));
  assert.equal(two.status, 400, two.text);
  assert.match(two.text, /the 32 MB that are fetched for a call/);
  // What is named twice goes up twice.
  const same = await ask(
    chatPath,
    chat(...Array.from({ length: 2 }, () => image(`${site.origin}/0`))),
  );
  assert.equal(same.status, 400, same.text.slice(0, 500));
  assert.match(same.text, /the 32 MB that are fetched for a call/);
  const small = await askVia(t, { channels, env: { ...allowed, MAX_HELD_SIZE: "4MB" } });
  assert.equal((await small(chatPath, chat(image(`${site.origin}/1`)))).status, 503);
  // What a call held is free again behind it.
  site.serve(
    (_request, response) =>
      void response.writeHead(200, { "content-type": "image/png" }).end(large.subarray(0, 900_000)),
  );
  assert.equal(
    (await small(chatPath, chat(...Array.from({ length: 2 }, () => image(`${site.origin}/1`)))))
      .status,
    503,
  );
  for (let index = 0; index < 4; index += 1)
    assert.equal((await small(chatPath, chat(image(`${site.origin}/1`)))).status, 200);
});
