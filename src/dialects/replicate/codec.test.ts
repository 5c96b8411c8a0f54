/** What Replicate's language models are sent, and what becomes of their predictions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fastCheck from "fast-check";
import { emptyConversation, longHistory, userSays } from "../../../test/fakes/conversations.ts";
import { anyContext, decodeChunks } from "../../../test/fakes/reply-events.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../core/json-value.ts";
import type { ChatReply } from "../../wire/chat-reply.ts";
import type { Conversation, Message, UserPart } from "../../wire/conversation.ts";
import type { FeatureUse } from "../../wire/feature.ts";
import { replicateChat } from "./codec.ts";

const llama = "meta/meta-llama-3-70b-instruct";
const text = (content: string) => ({ kind: "text", text: content }) as const;
const answers = (content: string): Message => ({ role: "assistant", parts: [text(content)] });
const targetOf = (model: string) => ({ model, stream: false, askUsage: false, quirks: [] });

function inputOf(parts: Partial<Conversation>, model = "anybody/model"): JsonObject {
  const messages = [userSays("Hello")];
  const target = targetOf(model);
  const body = replicateChat.encodeRequest({ ...emptyConversation, messages, ...parts }, target);
  assert.deepEqual(Object.keys(body), ["version", "input"]);
  assert.equal(body["version"], model);
  return body["input"] as JsonObject;
}

const promptOf = (messages: readonly Message[], model?: string): Json | undefined =>
  inputOf({ messages }, model)["prompt"];

test("a question stands as it is, several turns become a script that ends where the model speaks", () => {
  assert.equal(promptOf([userSays("Hi"), userSays("there")]), "Hi\n\nthere");
  const turns = [userSays("Hi"), answers("Hello"), userSays("Who are you?")];
  const script = "User: Hi\n\nAssistant: Hello\n\nUser: Who are you?\n\nAssistant:";
  assert.equal(promptOf(turns), script);
  assert.equal(promptOf([userSays("Hi"), answers("I am")]), "User: Hi\n\nAssistant: I am");
  assert.equal(promptOf([answers("I am")]), "Assistant: I am");
  assert.equal(promptOf([]), "");
  const silent = [userSays(""), answers("Hi"), userSays("So?")];
  assert.equal(promptOf(silent), "Assistant: Hi\n\nUser: So?\n\nAssistant:");
  const thought: Message = {
    role: "assistant",
    parts: [{ kind: "reasoning", text: "hm" }, { kind: "refusal", text: "No" }, text("")],
  };
  const system: Message = { role: "system", parts: [text("Be kind.")] };
  assert.equal(
    promptOf([userSays("Hi"), thought, system, userSays("So?")]),
    "User: Hi\n\nAssistant: No\n\nUser: <system>\nBe kind.\n</system>\n\nSo?\n\nAssistant:",
  );
});

test("instructions stand in the model's own input, else at the head of the prompt", () => {
  const system = [text("Be brief."), text(""), text("Be kind.")];
  const told = "Be brief.\n\nBe kind.";
  assert.deepEqual(inputOf({ system }), { prompt: `${told}\n\nHello` });
  for (const model of [llama, "meta/llama-2-70b-chat", "anthropic/claude-4-sonnet", "openai/o1"])
    assert.deepEqual(inputOf({ system }, model), { prompt: "Hello", system_prompt: told });
  assert.deepEqual(inputOf({ system }, "google/gemini-2.5-flash"), {
    prompt: "Hello",
    system_instruction: told,
  });
  for (const model of ["openai/gpt-oss-120b", "meta/llama-4-scout-instruct", "5c7d5dc6"])
    assert.deepEqual(inputOf({ system }, model), { prompt: `${told}\n\nHello` });
  assert.deepEqual(inputOf({ system, messages: [] }, llama), { prompt: told });
});

test("limits and sampling go by the names that a model knows, and what it knows not is told", () => {
  const sampling = {
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    seed: 7,
    presencePenalty: 1,
    frequencyPenalty: -1,
  };
  const names = ["temperature", "top-p", "top-k", "seed", "penalties", "end-user"] as const;
  const uses: FeatureUse[] = names.map((feature) => ({ feature, field: `of ${feature}` }));
  const wishes = { sampling, uses, maxOutputTokens: 5 };
  const dropped = (model: string): readonly string[] | undefined =>
    replicateChat.droppedBy?.({ ...emptyConversation, ...wishes }, targetOf(model));
  const prompt = "Hello";
  const common = { temperature: 0.5, top_p: 0.9 };
  const penalties = { presence_penalty: 1, frequency_penalty: -1 };
  const both = { max_tokens: 5, max_new_tokens: 5 };
  assert.deepEqual(inputOf(wishes), {
    prompt,
    ...both,
    ...common,
    top_k: 40,
    seed: 7,
    ...penalties,
  });
  assert.deepEqual(dropped("anybody/model"), []);
  assert.deepEqual(inputOf(wishes, llama), { prompt, ...both, ...common, top_k: 40, ...penalties });
  assert.deepEqual(dropped(llama), ["of seed"]);
  assert.deepEqual(inputOf(wishes, "anthropic/claude-4-sonnet"), { prompt, max_tokens: 1024 });
  const more = inputOf({ maxOutputTokens: 2000 }, "anthropic/claude-4-sonnet");
  assert.deepEqual(more, { prompt, max_tokens: 2000 });
  assert.deepEqual(dropped("anthropic/claude-4-sonnet"), [
    ...names.slice(0, 5).map((name) => `of ${name}`),
    "max_tokens",
  ]);
  const gpt = { prompt, max_completion_tokens: 5 };
  assert.deepEqual(inputOf(wishes, "openai/gpt-4o"), { ...gpt, ...common, ...penalties });
  assert.deepEqual(inputOf(wishes, "openai/gpt-5"), gpt);
  const gemini = { prompt, max_output_tokens: 5, ...common };
  assert.deepEqual(inputOf(wishes, "google/gemini-2.5-flash"), gemini);
});

test("stop sequences go as one text, or are refused by name", () => {
  const stop = ["###", "END"];
  assert.equal(inputOf({ sampling: { stop } }, llama)["stop_sequences"], "###,END");
  assert.deepEqual(inputOf({ sampling: { stop: [] } }), { prompt: "Hello" });
  const uses = [{ feature: "stop-sequences", field: "stop_sequences" }] as const;
  for (const [model, wish] of [
    ["openai/gpt-4o", stop],
    ["anybody/model", stop],
    [llama, ["a,b"]],
  ] as const)
    assert.throws(
      () => inputOf({ sampling: { stop: wish }, uses }, model),
      (thrown) =>
        thrown instanceof GatewayError &&
        thrown.kind === "invalid_request" &&
        thrown.fields[0]?.field === "stop_sequences",
    );
});

test("media, and calls of tools in the history, are refused", () => {
  const image: UserPart = {
    kind: "media",
    medium: "image",
    source: { kind: "url", url: "https://x.test/a.png", mediaType: null },
  };
  assert.throws(() => promptOf([{ role: "user", parts: [image] }]), { kind: "invalid_request" });
  assert.throws(() => promptOf(longHistory.slice(1)), { kind: "invalid_request" });
});

const prediction = {
  id: "p1",
  model: llama,
  status: "succeeded",
  created_at: "2026-11-08T16:19:34.765Z",
  input: { prompt: "Hello", max_tokens: 9 },
  output: ["Hé", "llo"],
  error: null,
  metrics: { input_token_count: 4, output_token_count: 5, predict_time: 0.5 },
} as const satisfies JsonObject;

function decode(
  parts: JsonObject,
  model = llama,
  quirks: typeof anyContext.quirks = [],
): ChatReply {
  return replicateChat.decodeReply({ ...prediction, ...parts }, { ...anyContext, model, quirks });
}

test("a prediction that succeeded is an answer", () => {
  const reply = decode({});
  assert.deepEqual([reply.id, reply.model, reply.createdAtS], ["p1", llama, 1_794_154_774]);
  const finish = { reason: "stop", stopSequence: null, raw: "succeeded" };
  assert.deepEqual(reply.choices, [{ index: 0, parts: [text("Héllo")], finish, logprobs: null }]);
  const { input, output, estimated, raw } = reply.usage!;
  assert.deepEqual([input, output, estimated, raw], [4, 5, false, prediction.metrics]);
  const partsOf = (parts: JsonObject): unknown => decode(parts).choices[0]?.parts;
  assert.deepEqual(partsOf({ output: "whole" }), [text("whole")]);
  assert.deepEqual(partsOf({ output: [] }), []);
  for (const metrics of [undefined, null, {}, { predict_time: 3 }])
    assert.equal(decode({ metrics } as JsonObject).usage, null);
  assert.equal(decode({ metrics: { output_token_count: 5 } }).usage?.estimated, true);
  for (const strange of [null, 5, {}, ["a", 1], [["a"]]])
    assert.throws(() => decode({ output: strange } as JsonObject), { kind: "upstream_invalid" });
});

test("thoughts that come inline are told apart where the manifest says so", () => {
  const output = ["<thi", "nk>\nhm</think>", "\n\nYes"];
  const parts = (quirks: typeof anyContext.quirks): unknown =>
    decode({ output }, llama, quirks).choices[0]?.parts;
  assert.deepEqual(parts(["inline-thoughts"]), [{ kind: "reasoning", text: "hm" }, text("Yes")]);
  assert.deepEqual(parts([]), [text("<think>\nhm</think>\n\nYes")]);
});

test("that a limit was met shows by the tokens: the one asked for, else the model's own", () => {
  const reason = (input: JsonObject, count: number | null, model = llama): string | undefined =>
    decode({ input, metrics: { output_token_count: count } }, model).choices[0]?.finish.reason;
  assert.equal(reason({ max_tokens: 9 }, 8), "stop");
  assert.equal(reason({ max_tokens: 9 }, 9), "length");
  assert.equal(reason({ max_new_tokens: 9 }, 10), "length");
  assert.equal(reason({ max_completion_tokens: 9 }, 9), "stop");
  assert.equal(reason({ max_completion_tokens: 9 }, 9, "openai/gpt-5"), "length");
  assert.equal(reason({}, 512), "length");
  assert.equal(reason({}, 600), "stop");
  assert.equal(reason({ max_tokens: 1000 }, 512), "stop");
  assert.equal(reason({}, 512, "anybody/model"), "stop");
  assert.equal(reason({ max_tokens: 9 }, null), "stop");
});

const errorOf = (body: JsonObject | string): object =>
  replicateChat.decodeError(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));

test("what still runs, was stopped or failed is no answer, whatever it has said so far", () => {
  for (const status of ["starting", "processing", "queued", "canceled", "aborted"]) {
    assert.throws(() => decode({ status }), { kind: "upstream_timeout" });
    const message = `The prediction did not finish in the time it was waited for: ${status}`;
    const told = { message, type: null, code: null, status: 504 };
    assert.deepEqual(errorOf({ ...prediction, status }), told);
  }
  assert.throws(() => decode({ status: "failed", error: "out of luck" }), {
    kind: "upstream_failed",
    message: "out of luck",
  });
  const failed = (error: string | null): object =>
    errorOf({ ...prediction, status: "failed", error });
  const told = { type: null, code: null, status: 500 };
  assert.deepEqual(failed("out of luck"), { ...told, message: "out of luck" });
  assert.deepEqual(failed(null), { ...told, message: "The prediction failed" });
  const full = "Model ran out of memory (E1001)";
  assert.deepEqual(failed(full), { ...told, code: "E1001", message: full });
  for (const status of [null, 200, "done", {}])
    assert.throws(() => decode({ status } as JsonObject), { kind: "upstream_invalid" });
});

test("errors are read from problem documents and from plain text", () => {
  const bare = { type: null, code: null, status: null };
  const detail = "You did not pass a valid authentication token";
  const problem = { title: "Unauthenticated", detail, status: 401 };
  assert.deepEqual(errorOf(problem), { ...bare, message: detail });
  assert.deepEqual(errorOf({ title: "Gone" }), { ...bare, message: "Gone" });
  assert.deepEqual(errorOf("<html>".repeat(200)), {
    ...bare,
    message: "<html>".repeat(84).slice(0, 500),
  });
});

test("a stream is no prediction", () => {
  const body = Buffer.from("event: output\ndata: Hi\n\n");
  assert.throws(() => decodeChunks(replicateChat, [body]), { kind: "upstream_invalid" });
});

test("whatever a prediction holds, it is an answer or an error of ours", () => {
  const member = fastCheck.oneof(
    fastCheck.jsonValue(),
    fastCheck.constantFrom("succeeded", "failed"),
  );
  const names = [...Object.keys(prediction), "urls"];
  fastCheck.assert(
    fastCheck.property(
      fastCheck.dictionary(fastCheck.constantFrom(...names), member),
      (strange) => {
        const body = { ...prediction, ...strange } as JsonObject;
        assert.equal(
          typeof replicateChat.decodeError(Buffer.from(JSON.stringify(body))).message,
          "string",
        );
        try {
          const reply = replicateChat.decodeReply(body, {
            ...anyContext,
            quirks: ["inline-thoughts"],
          });
          assert.equal(body["status"], "succeeded");
          assert.equal(reply.choices.length, 1);
        } catch (thrown) {
          assert.ok(thrown instanceof GatewayError && thrown.kind !== "internal", String(thrown));
        }
      },
    ),
    { numRuns: 500 },
  );
});
