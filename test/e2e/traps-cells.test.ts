/**
 * What becomes of each thing that a request can ask, from every API to every other, as the vendors' documentation has it:
 * it arrives, or it is refused or left out by name, never silently.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Fields, type Front, openWire } from "./trap-wire.ts";

const targets = [
  { front: "chat", dialect: "openai-chat", model: "gpt-4.1" },
  { front: "responses", dialect: "openai-responses", model: "gpt-4.1" },
  { front: "messages", dialect: "anthropic-messages", model: "claude-sonnet-4-5" },
  { front: "gemini", dialect: "gemini-content", model: "gemini-2.5-flash" },
] as const;

interface Cell {
  readonly name: string;
  readonly body: Fields;
  /** Part of the field's own name, as errors and the warning header tell it. */
  readonly field: string;
  /** For chat, Responses, Messages and Gemini: what is found in the body sent, or null: the API has no place for it. */
  readonly sent: readonly (RegExp | null)[];
}

const png = "data:image/png;base64,iVBORw0KGgo=";
const parameters = { type: "object", properties: {} };
const schema = {
  type: "object",
  properties: { zz: { type: "string" } },
  required: ["zz"],
  additionalProperties: false,
};
const user = (content: unknown): Fields => ({ role: "user", content });
const asks = (...parts: readonly object[]): Fields => ({
  messages: [user([{ type: "text", text: "see" }, ...parts])],
});
const none = null;

const cells: Readonly<Record<Front, readonly Cell[]>> = {
  chat: [
    {
      name: "temperature",
      body: { temperature: 0.7 },
      field: "temperature",
      sent: [none, /"temperature":0.7/, /"temperature":0.7/, /"temperature":0.7/],
    },
    {
      name: "a temperature above Anthropic's",
      body: { temperature: 1.8 },
      field: "temperature",
      sent: [none, /"temperature":1.8/, /"temperature":1[,}]/, /"temperature":1.8/],
    },
    {
      name: "stop",
      body: { stop: ["ZZ"] },
      field: "stop",
      sent: [none, none, /"stop_sequences":\["ZZ"\]/, /"stopSequences":\["ZZ"\]/],
    },
    { name: "n", body: { n: 2 }, field: "n", sent: [none, none, none, /"candidateCount":2/] },
    { name: "seed", body: { seed: 77 }, field: "seed", sent: [none, none, none, /"seed":77/] },
    {
      name: "penalties",
      body: { presence_penalty: 0.3 },
      field: "presence_penalty",
      sent: [none, none, none, /"presencePenalty":0.3/],
    },
    {
      name: "logit_bias",
      body: { logit_bias: { "1": 2 } },
      field: "logit_bias",
      sent: [none, none, none, none],
    },
    {
      name: "logprobs",
      body: { logprobs: true, top_logprobs: 2 },
      field: "logprobs",
      sent: [none, /"top_logprobs":2/, none, /"logprobs":2/],
    },
    {
      name: "prediction",
      body: { prediction: { type: "content", content: "zz" } },
      field: "prediction",
      sent: [none, none, none, none],
    },
    {
      name: "modalities",
      body: { modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } },
      field: "modalities",
      sent: [none, none, none, none],
    },
    {
      name: "audio in",
      body: asks({ type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } }),
      field: "messages[0].content[1]",
      sent: [none, none, none, /audio\/wav/],
    },
    {
      name: "an image",
      body: asks({ type: "image_url", image_url: { url: png } }),
      field: "messages[0]",
      sent: [none, /iVBORw0KGgo=/, /iVBORw0KGgo=/, /iVBORw0KGgo=/],
    },
    {
      name: "an image's detail",
      body: asks({ type: "image_url", image_url: { url: png, detail: "low" } }),
      field: "detail",
      sent: [none, /"detail":"low"/, none, none],
    },
    {
      name: "a file",
      body: asks({
        type: "file",
        file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERg==" },
      }),
      field: "file",
      sent: [none, /JVBERg==/, /JVBERg==/, /JVBERg==/],
    },
    {
      name: "a file's id",
      body: asks({ type: "file", file: { file_id: "file-zz" } }),
      field: "file_id",
      sent: [none, none, none, none],
    },
    {
      name: "a custom tool",
      body: { tools: [{ type: "custom", custom: { name: "zz" } }] },
      field: "tools[0]",
      sent: [none, /"type":"custom"/, none, none],
    },
    {
      name: "a grammar",
      body: {
        tools: [
          {
            type: "custom",
            custom: {
              name: "zz",
              format: { type: "grammar", grammar: { syntax: "lark", definition: "x" } },
            },
          },
        ],
      },
      field: "tools[0]",
      sent: [none, /"lark"/, none, none],
    },
    {
      name: "a strict tool",
      body: {
        tools: [{ type: "function", function: { name: "f", parameters: schema, strict: true } }],
      },
      field: "strict",
      sent: [none, /"strict":true/, /"strict":true/, none],
    },
    {
      name: "a schema",
      body: { response_format: { type: "json_schema", json_schema: { name: "r", schema } } },
      field: "response_format",
      sent: [none, /"zz"/, /"zz"/, /"zz"/],
    },
    {
      name: "any JSON",
      body: { response_format: { type: "json_object" } },
      field: "response_format",
      sent: [none, /json_object/, /JSON/, /application\/json/],
    },
    {
      name: "the end user",
      body: { user: "zz" },
      field: "user",
      sent: [none, /"user":"zz"/, /"user_id":"zz"/, none],
    },
    {
      name: "metadata",
      body: { metadata: { a: "zz" } },
      field: "metadata",
      sent: [none, /"zz"/, none, none],
    },
    {
      name: "verbosity",
      body: { verbosity: "low" },
      field: "verbosity",
      sent: [none, /"verbosity":"low"/, none, none],
    },
    {
      name: "a tier",
      body: { service_tier: "flex" },
      field: "service_tier",
      sent: [none, /"flex"/, /standard_only/, /"flex"/i],
    },
    {
      name: "a key of the cache",
      body: { prompt_cache_key: "zz" },
      field: "prompt_cache_key",
      sent: [none, /"zz"/, none, none],
    },
    {
      name: "a search of the web",
      body: { web_search_options: {} },
      field: "web_search_options",
      sent: [none, none, none, none],
    },
    {
      name: "a name",
      body: { messages: [{ ...user("hi"), name: "zz" }] },
      field: "name",
      sent: [none, none, none, none],
    },
    {
      name: "an unknown member",
      body: { brand_new: "zz" },
      field: "brand_new",
      sent: [none, none, none, none],
    },
  ],
  messages: [
    { name: "top_k", body: { top_k: 7 }, field: "top_k", sent: [none, none, none, /"topK":7/] },
    {
      name: "stop_sequences",
      body: { stop_sequences: ["ZZ"] },
      field: "stop_sequences",
      sent: [/"stop":\["ZZ"\]/, none, none, /"ZZ"/],
    },
    {
      name: "system",
      body: { system: "zz" },
      field: "system",
      sent: [
        /"role":"system","content":"zz"/,
        /"instructions":"zz"/,
        none,
        /"systemInstruction":\{"parts":\[\{"text":"zz"/,
      ],
    },
    {
      name: "a document",
      body: {
        messages: [
          user([
            {
              type: "document",
              title: "zz",
              source: { type: "base64", media_type: "application/pdf", data: "JVBERg==" },
            },
          ]),
        ],
      },
      field: "document",
      sent: [/JVBERg==/, /JVBERg==/, none, /JVBERg==/],
    },
    {
      name: "a text document",
      body: {
        messages: [
          user([
            {
              type: "document",
              source: { type: "text", media_type: "text/plain", data: "zz doc" },
            },
          ]),
        ],
      },
      field: "document",
      sent: [/zz doc/, /zz doc/, none, new RegExp(Buffer.from("zz doc").toString("base64"))],
    },
    {
      name: "a document's sources",
      body: {
        messages: [
          user([
            {
              type: "document",
              citations: { enabled: true },
              source: { type: "text", media_type: "text/plain", data: "zz" },
            },
          ]),
        ],
      },
      field: "citations",
      sent: [none, none, none, none],
    },
    {
      name: "a file's id",
      body: {
        messages: [user([{ type: "document", source: { type: "file", file_id: "file_zz" } }])],
      },
      field: "messages[0].content[0]",
      sent: [none, none, none, none],
    },
    {
      name: "a tool of the vendor's",
      body: { tools: [{ type: "web_search_20250305", name: "web_search" }] },
      field: "tools[0]",
      sent: [none, none, none, none],
    },
    {
      name: "a container",
      body: { container: "zz" },
      field: "container",
      sent: [none, none, none, none],
    },
    {
      name: "context management",
      body: { context_management: { edits: [{ type: "clear_tool_uses_20250919" }] } },
      field: "context_management",
      sent: [none, none, none, none],
    },
    {
      name: "servers of tools",
      body: { mcp_servers: [{ type: "url", url: "https://e.org", name: "zz" }] },
      field: "mcp_servers",
      sent: [none, none, none, none],
    },
    {
      name: "a schema",
      body: { output_config: { format: { type: "json_schema", schema } } },
      field: "output_config",
      sent: [/"zz"/, /"zz"/, none, /"zz"/],
    },
    {
      name: "the end user",
      body: { metadata: { user_id: "zz" } },
      field: "metadata",
      sent: [/"user":"zz"/, /"user":"zz"/, none, none],
    },
    {
      name: "a call's image",
      body: {
        tools: [{ name: "f", input_schema: parameters }],
        messages: [
          user("q"),
          { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: {} }] },
          user([
            {
              type: "tool_result",
              tool_use_id: "t",
              content: [
                {
                  type: "image",
                  source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" },
                },
              ],
            },
          ]),
        ],
      },
      field: "messages[2]",
      sent: [/iVBORw0KGgo=/, /iVBORw0KGgo=/, none, /iVBORw0KGgo=/],
    },
    {
      name: "a server tool's trace",
      body: {
        messages: [
          user("q"),
          {
            role: "assistant",
            content: [
              { type: "server_tool_use", id: "s", name: "web_search", input: {} },
              { type: "text", text: "a" },
            ],
          },
          user("b"),
        ],
      },
      field: "messages[1].content[0]",
      sent: [none, none, none, none],
    },
  ],
  gemini: [
    {
      name: "topK",
      body: { generationConfig: { topK: 7 } },
      field: "topK",
      sent: [none, none, /"top_k":7/, none],
    },
    {
      name: "candidateCount",
      body: { generationConfig: { candidateCount: 2 } },
      field: "candidateCount",
      sent: [/"n":2/, none, none, none],
    },
    {
      name: "seed",
      body: { generationConfig: { seed: 77 } },
      field: "seed",
      sent: [/"seed":77/, none, none, none],
    },
    {
      name: "penalties",
      body: { generationConfig: { presencePenalty: 0.3 } },
      field: "presencePenalty",
      sent: [/"presence_penalty":0.3/, none, none, none],
    },
    {
      name: "stops",
      body: { generationConfig: { stopSequences: ["ZZ"] } },
      field: "stopSequences",
      sent: [/"ZZ"/, none, /"ZZ"/, none],
    },
    {
      name: "logprobs",
      body: { generationConfig: { responseLogprobs: true, logprobs: 2 } },
      field: "ogprobs",
      sent: [/"top_logprobs":2/, /"top_logprobs":2/, none, none],
    },
    {
      name: "safety",
      body: {
        safetySettings: [{ category: "HARM_CATEGORY_HATE_SPEECH", threshold: "BLOCK_NONE" }],
      },
      field: "safetySettings",
      sent: [none, none, none, none],
    },
    {
      name: "cached content",
      body: { cachedContent: "cachedContents/zz" },
      field: "cachedContent",
      sent: [none, none, none, none],
    },
    {
      name: "a search",
      body: { tools: [{ googleSearch: {} }] },
      field: "tools[0]",
      sent: [none, none, none, none],
    },
    {
      name: "code",
      body: { tools: [{ codeExecution: {} }] },
      field: "tools[0]",
      sent: [none, none, none, none],
    },
    {
      name: "a file of Google's",
      body: {
        contents: [
          {
            role: "user",
            parts: [{ fileData: { fileUri: "gs://b/zz.pdf", mimeType: "application/pdf" } }],
          },
        ],
      },
      field: "fileUri",
      sent: [none, none, none, none],
    },
    {
      name: "a video",
      body: {
        contents: [
          { role: "user", parts: [{ inlineData: { mimeType: "video/mp4", data: "AAAA" } }] },
        ],
      },
      field: "contents[0].parts[0]",
      sent: [none, none, none, none],
    },
    {
      name: "audio",
      body: {
        contents: [
          { role: "user", parts: [{ inlineData: { mimeType: "audio/wav", data: "UklGRg==" } }] },
        ],
      },
      field: "contents[0].parts[0]",
      sent: [/UklGRg==/, none, none, none],
    },
    {
      name: "a schema of old",
      body: {
        generationConfig: {
          responseMimeType: "application/json",
          responseSchema: { type: "OBJECT", properties: { zz: { type: "STRING" } } },
        },
      },
      field: "responseSchema",
      sent: [/"zz":\{"type":"string"/, /"zz":\{"type":"string"/, /"zz":\{"type":"string"/, none],
    },
    {
      name: "images wanted",
      body: { generationConfig: { responseModalities: ["IMAGE"] } },
      field: "responseModalities",
      sent: [none, none, none, none],
    },
    {
      name: "labels",
      body: { labels: { a: "zz" } },
      field: "labels",
      sent: [none, /"zz"/, none, none],
    },
  ],
  responses: [
    {
      name: "background",
      body: { background: true },
      field: "background",
      sent: [none, none, none, none],
    },
    {
      name: "a conversation",
      body: { conversation: "conv_zz" },
      field: "conversation",
      sent: [none, none, none, none],
    },
    {
      name: "a prompt",
      body: { prompt: { id: "pmpt_zz" } },
      field: "prompt",
      sent: [none, none, none, none],
    },
    {
      name: "a reference",
      body: { input: [user("hi"), { type: "item_reference", id: "msg_zz" }] },
      field: "input[1]",
      sent: [none, none, none, none],
    },
    {
      name: "a search",
      body: { tools: [{ type: "web_search" }] },
      field: "tools[0]",
      sent: [none, none, none, none],
    },
    {
      name: "a custom tool",
      body: { tools: [{ type: "custom", name: "zz" }] },
      field: "tools[0]",
      sent: [/"type":"custom"/, none, none, none],
    },
    {
      name: "verbosity",
      body: { text: { verbosity: "low" } },
      field: "text.verbosity",
      sent: [none, none, none, none],
    },
    {
      name: "a schema",
      body: { text: { format: { type: "json_schema", name: "r", schema } } },
      field: "text.format",
      sent: [/"zz"/, none, /"zz"/, /"zz"/],
    },
    {
      name: "a file",
      body: {
        input: [
          user([
            {
              type: "input_file",
              filename: "a.pdf",
              file_data: "data:application/pdf;base64,JVBERg==",
            },
          ]),
        ],
      },
      field: "input_file",
      sent: [/JVBERg==/, none, /JVBERg==/, /JVBERg==/],
    },
    {
      name: "truncation",
      body: { truncation: "auto" },
      field: "truncation",
      sent: [none, none, none, none],
    },
    {
      name: "top_logprobs",
      body: { top_logprobs: 2, include: ["message.output_text.logprobs"] },
      field: "logprobs",
      sent: [/"top_logprobs":2/, none, none, /"logprobs":2/],
    },
    {
      name: "compaction",
      body: { input: [user("hi"), { type: "compaction", id: "cmp_1", encrypted_content: "zz" }] },
      field: "input[1]",
      sent: [none, none, none, none],
    },
    {
      name: "max_tool_calls",
      body: { max_tool_calls: 3 },
      field: "max_tool_calls",
      sent: [none, none, none, none],
    },
    {
      name: "an image in a result",
      body: {
        tools: [{ type: "function", name: "f", parameters, strict: false }],
        input: [
          user("q"),
          { type: "function_call", call_id: "1", name: "f", arguments: "{}" },
          {
            type: "function_call_output",
            call_id: "1",
            output: [{ type: "input_image", image_url: png }],
          },
        ],
      },
      field: "input[2]",
      sent: [/iVBORw0KGgo=/, none, /iVBORw0KGgo=/, /iVBORw0KGgo=/],
    },
  ],
};

for (const [front, list] of Object.entries(cells) as [Front, readonly Cell[]][])
  for (const [place, target] of targets.entries()) {
    if (target.front === front) continue;
    test(`${front} → ${target.dialect}: everything arrives, or is refused or left out by name`, async (t) => {
      const wire = await openWire(t, target);
      for (const { name, body, field, sent: wanted } of list) {
        const before = wire.vendor.requests.length;
        const got = await wire.ask(front, body);
        const dropped = got.headers.get("x-switchyard-dropped") ?? "";
        const what = `${name}: ${got.text.slice(0, 300)} [${dropped}]`;
        const found = wanted[place] ?? null;
        if (found !== null) {
          assert.equal(got.status, 200, what);
          assert.match(wire.vendor.requests.at(-1)!.body.toString(), found, what);
          continue;
        }
        const refused = got.status === 400 && got.text.includes(field);
        const named = got.status === 200 && dropped.includes(field.replaceAll(" ", "_"));
        assert.ok(refused || named, what);
        if (refused) assert.equal(wire.vendor.requests.length, before, what);
      }
    });
  }
