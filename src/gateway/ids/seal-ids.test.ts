// What an upstream tells is sealed by splices: every id of the rules, nothing else, the same one each time.
import assert from "node:assert/strict";
import { test } from "node:test";
import { splice } from "../../core/json.ts";
import { deriveKey } from "../../core/seal.ts";
import { openId, openTagged } from "../../core/sealed-id.ts";
import { resourceRulesOf, responseRules } from "../../dialects/resource-ids.ts";
import { openaiResponses } from "../../dialects/openai-responses/dialect.ts";
import { ReplySealer } from "../replies/reply-sealer.ts";
import { IdSealer, type SealerParts } from "./seal-ids.ts";

const key = deriveKey("a root secret for tests only", "data");
const parts: SealerParts = {
  key,
  ownerId: 7,
  pin: { channelId: 3, credentialId: 0 },
  dialect: "openai-responses",
  rules: responseRules(true),
};

function sealedText(text: string, more: Partial<SealerParts> = {}): string {
  const body = Buffer.from(text);
  return splice(body, new IdSealer({ ...parts, ...more }).edits(body)).toString();
}

test("a response is sealed wherever it is told; the rest stays as its own bytes", () => {
  const text =
    '{ "id" : "resp_1", "big":12345678901234567890, "previous_response_id":"resp_0","output":[{"id":"msg_1","content":[{"annotations":[{"file_id":"file-1","id":"kept"}]}]}],"metadata":{"file_id":"free"}}';
  const told = sealedText(text);
  assert.equal(told, sealedText(text));
  const parsed = JSON.parse(told) as {
    id: string;
    previous_response_id: string;
    output: { id: string }[];
  };
  assert.equal(openId(key, parsed.id)?.upstreamId, "resp_1");
  assert.equal(openId(key, parsed.previous_response_id)?.kind, "response");
  const [item] = parsed.output;
  assert.equal(openTagged(key, item?.id ?? "", { ownerId: 7, kind: "item" })?.upstreamId, "msg_1");
  assert.match(told, /"id":"kept"/);
  assert.match(told, /^\{ "id" : "resp_sy1x/);
  assert.match(told, /"big":12345678901234567890/);
  assert.match(told, /"metadata":\{"file_id":"free"\}/);
  assert.ok(!told.includes('"file-1"') && !told.includes('"resp_0"'));
});

test("nothing but files and containers is sealed of what the vendor does not keep", () => {
  const text = '{"id":"resp_1","output":[{"id":"msg_1","container_id":"cntr_1"}]}';
  const told = sealedText(text, { rules: responseRules(false) });
  assert.match(told, /^\{"id":"resp_1","output":\[\{"id":"msg_1","container_id":"cntr_sy1x/);
});

test("lists and links of a batch", () => {
  const rules = resourceRulesOf("anthropic-messages", "batch");
  const url = "https://api.anthropic.com/v1/messages/batches/msgbatch_1/results";
  const told = JSON.parse(
    sealedText(
      JSON.stringify({ data: [{ id: "msgbatch_1", results_url: url }], first_id: "msgbatch_1" }),
      { rules, dialect: "anthropic-messages" },
    ),
  ) as { data: { id: string; results_url: string }[]; first_id: string };
  const [batch] = told.data;
  assert.equal(told.first_id, batch?.id);
  assert.equal(batch?.results_url, `/v1/messages/batches/${batch?.id}/results`);
});

test("what is no JSON stays as it is", () => {
  for (const text of ["", "[DONE]", "no json", '{"id":']) assert.equal(sealedText(text), text);
});

function eventsOf(text: string): string[] {
  const sealer = new ReplySealer(new IdSealer(parts));
  const read = openaiResponses.makeEventReader();
  return text.split(/(?<=\n\n)/).map((event) => {
    const bytes = Buffer.from(event);
    return sealer.event(bytes, read(bytes), []).toString();
  });
}

test("every event of a stream names the same sealed response and item, in whichever form it comes", () => {
  const [created, delta, spaced, lines, comment, done] = eventsOf(
    [
      'event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"}}\n\n',
      'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id":"msg_1","delta":"a"}\n\n',
      'id: 4\nevent: response.output_text.delta\ndata: {"type":"response.output_text.delta","item_id" : "msg_1","delta":"b"}\n\n',
      'data: {"type":"response.output_text.delta",\ndata: "item_id":"msg_1","delta":"c"}\n\n',
      ": ping\n\n",
      'event: response.completed\ndata: {"type":"response.completed","response":{"id":"resp_1","output":[{"id":"msg_1"}]}}\n\n',
    ].join(""),
  );
  const response = /"id":"(resp_[^"]+)"/.exec(created ?? "")?.[1];
  const item = /"item_id":"(msg_[^"]+)"/.exec(delta ?? "")?.[1] ?? "";
  assert.equal(openTagged(key, item, { ownerId: 7, kind: "item" })?.upstreamId, "msg_1");
  assert.match(spaced ?? "", new RegExp(`"item_id" : "${item}"`));
  assert.match(lines ?? "", new RegExp(`"item_id":"${item}"`));
  assert.equal(comment, ": ping\n\n");
  assert.match(done ?? "", new RegExp(`"id":"${response}","output":\\[\\{"id":"${item}"`));
});
