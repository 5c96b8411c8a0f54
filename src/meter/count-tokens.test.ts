/** What is counted here, and that no text makes it stand still. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyConversation } from "../../test/fakes/conversations.ts";
import { systemClock } from "../core/clock.ts";
import type { Conversation, MediaPart, UserPart } from "../wire/conversation.ts";
import { countInputTokens } from "./count-tokens.ts";

const conversation = (
  parts: readonly UserPart[],
  more: Partial<Conversation> = {},
): Conversation => ({
  ...emptyConversation,
  messages: [{ role: "user", parts }],
  ...more,
});
const text = (words: string): UserPart => ({ kind: "text", text: words });
const count = (one: Conversation): Promise<number> => countInputTokens(one, systemClock);

test("text is counted as o200k counts it, wherever it is cut", async () => {
  const empty = await count(conversation([]));
  assert.equal((await count(conversation([text("hello world")]))) - empty, 2);
  const long = (await count(conversation([text("hello world ".repeat(2000))]))) - empty;
  assert.ok(Math.abs(long - 4001) <= 20, String(long));
  // Words of the vocabulary's own are text here.
  assert.ok((await count(conversation([text("<|endoftext|>")]))) > empty);
});

test("tools, instructions, results and media count too", async () => {
  const bare = await count(conversation([text("x")]));
  const image: MediaPart = {
    kind: "media",
    medium: "image",
    source: { kind: "data", mediaType: "image/png", data: "AAAA".repeat(10_000) },
  };
  assert.equal((await count(conversation([text("x"), image]))) - bare, 1000);
  const tools = [
    { name: "weather", description: "Tells it", parameters: { type: "object" }, strict: null },
  ];
  assert.ok((await count(conversation([text("x")], { tools }))) > bare + 8);
  const system = [{ kind: "text" as const, text: "Be brief and kind." }];
  assert.ok((await count(conversation([text("x")], { system }))) > bare + 3);
});

test("a hostile text is counted in bounded time while the loop goes on turning", async () => {
  let turns = 0;
  let counting = true;
  const turn = (): void => {
    turns += 1;
    if (counting) setImmediate(turn);
  };
  setImmediate(turn);
  const startedAt = performance.now();
  const tokens = await count(conversation([text("漢".repeat(1_000_000))]));
  counting = false;
  assert.ok(tokens > 100_000, String(tokens));
  assert.ok(performance.now() - startedAt < 20_000);
  assert.ok(turns > 5, String(turns));
});
