/**
 * What upstreams answer under a status of success although they failed, or said nothing: in each API, whole and as a
 * stream, for callers of each, it is told as a failure and never as an answer without words.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FrontId } from "../../src/wire/call.ts";
import { awsFrame } from "../fakes/scripted/aws-frame.ts";
import { type StreamedDialect, sayTurn, streamedDialects } from "../fakes/streams.ts";
import { type Front, fronts } from "./fronts.ts";
import {
  type Answer,
  type Bench,
  alarmsOf,
  modelOver,
  openBench,
  readErrorBody,
} from "./fuzz-bench.ts";
import { splitEvents } from "./fuzz-told.ts";
import { inParallel } from "./raw-call.ts";

let bench: Bench;
before(async () => {
  bench = await openBench();
});
after(() => bench.close());

type Body = string | Uint8Array | readonly (string | Uint8Array)[];

function answering(body: Body, type: string, status = 200): Answer {
  const pieces = typeof body === "string" || body instanceof Uint8Array ? [body] : body;
  return (response) => {
    response.writeHead(status, type === "" ? {} : { "content-type": type });
    for (const piece of pieces) response.write(piece);
    response.end();
  };
}

/** Whole bodies that are no answer in any API. */
const noAnswers: readonly string[] = [
  "",
  " ",
  "null",
  "[]",
  '"text"',
  "{}",
  "{",
  "not JSON",
  "<html><body>Bad gateway</body></html>",
  '{"error":{"message":"overloaded","type":"server_error","code":null}}',
  '{"error":"overloaded"}',
  '{"type":"error","error":{"type":"overloaded_error","message":"overloaded"}}',
  '{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}',
  '{"message":"overloaded"}',
  '{"detail":"overloaded"}',
  // MiniMax, Baidu, Tencent, DashScope.
  '{"base_resp":{"status_code":1002,"status_msg":"rate limit"}}',
  '{"error_code":336100,"error_msg":"try again"}',
  '{"Response":{"Error":{"Code":"LimitExceeded","Message":"slow down"},"RequestId":"1"}}',
  '{"code":"Throttling","message":"slow down","request_id":"1"}',
  '{"object":"error","message":"overloaded","type":"server_error","code":503}',
  '{"choices":[]}',
  '{"choices":null}',
  '{"candidates":[]}',
  '{"output":null}',
  '{"content":null}',
  '{"message":null}',
];

/** Streams that say nothing, by how they are framed. */
const silentStreams: Readonly<Record<"sse" | "lines" | "aws", readonly Body[]>> = {
  sse: [
    "",
    "\n\n",
    ": comment\n\n",
    "data: [DONE]\n\n",
    ": comment\n\ndata: [DONE]\n\n",
    "data: {}\n\n",
    "data: {}\n\ndata: [DONE]\n\n",
    "data: null\n\ndata: [DONE]\n\n",
    "event: ping\ndata: {}\n\n",
    "<html>Bad gateway</html>",
    '{"error":{"message":"overloaded"}}',
    'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n',
    'data: {"error":{"message":"overloaded","type":"server_error"}}\n\ndata: [DONE]\n\n',
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"overloaded"}}\n\n',
    'data: {"choices":[]}\n\ndata: [DONE]\n\n',
    'data: {"candidates":[]}\r\n\r\n',
  ],
  lines: ["", "\n", "{}\n", "null\n", '{"error":"overloaded"}\n', "<html>Bad gateway</html>\n"],
  aws: [
    "",
    awsFrame("throttlingException", '{"message":"slow down"}', "exception"),
    [
      awsFrame("messageStart", '{"role":"assistant"}'),
      awsFrame("internalServerException", "{}", "exception"),
    ],
    awsFrame("messageStart", '{"role":"assistant"}'),
    "<html>Bad gateway</html>",
    Buffer.alloc(20),
  ],
};

function framingOf(dialect: StreamedDialect): "sse" | "lines" | "aws" {
  if (dialect === "bedrock-converse") return "aws";
  return dialect === "ollama-chat" ? "lines" : "sse";
}

interface Tried {
  readonly front: Front;
  readonly over: StreamedDialect;
  readonly stream: boolean;
  readonly body: Body;
  readonly type: string;
  readonly status?: number;
}

/** Asks; answers what is wrong with what the caller was told, or nothing. */
async function wrongWith({
  front,
  over,
  stream,
  body,
  type,
  status,
}: Tried): Promise<string | undefined> {
  const asked = { model: modelOver(over), stream };
  const reply = await bench.send(
    { path: front.path(asked), headers: front.headers, body: JSON.stringify(front.body(asked)) },
    answering(body, type, status),
  );
  const shown = `${front.id} over ${over}, ${type} ${status ?? 200}: ${String(body).slice(0, 200)}\n  → ${reply.status} ${reply.body.toString("utf8", 0, 400)}`;
  if (reply.torn || reply.status < 400 || reply.status === 500) return shown;
  try {
    readErrorBody(front.id, reply.status, reply.body);
  } catch (thrown) {
    return `${String(thrown)} ${shown}`;
  }
  return undefined;
}

async function assertAllFail(tries: readonly Tried[]): Promise<void> {
  const found: string[] = [];
  await inParallel(tries, 8, async (tried) => {
    const fault = await wrongWith(tried);
    if (fault !== undefined) found.push(fault);
  });
  assert.equal(
    found.length,
    0,
    `${found.length} of ${tries.length}:\n${found.slice(0, 12).join("\n")}`,
  );
  assert.deepEqual(alarmsOf(bench.node), []);
}

for (const over of streamedDialects) {
  test(`whole replies of ${over} that answer nothing are failures`, async () => {
    await assertAllFail(
      fronts.flatMap((front) =>
        [false, true].flatMap((stream) =>
          noAnswers.map((body) => ({ front, over, stream, body, type: "application/json" })),
        ),
      ),
    );
  });

  test(`streams of ${over} that say nothing are failures`, async () => {
    const { contentType } = sayTurn(over, { text: "x" }, true);
    await assertAllFail(
      fronts.flatMap((front) =>
        silentStreams[framingOf(over)].map((body) => ({
          front,
          over,
          stream: true,
          body,
          type: contentType,
        })),
      ),
    );
  });

  test(`a success of ${over} without a body is none`, async () => {
    await assertAllFail(
      fronts.flatMap((front) =>
        [false, true].flatMap((stream) =>
          [204, 205, 304].map((status) => ({ front, over, stream, body: [], type: "", status })),
        ),
      ),
    );
  });
}

/** Everything of a good stream but its end. */
function withoutEnd(dialect: StreamedDialect): Buffer {
  const { body } = sayTurn(dialect, { text: "Half of it." }, true);
  if (dialect === "ollama-chat") return body.subarray(0, body.lastIndexOf("{"));
  if (dialect === "bedrock-converse") return body.subarray(0, body.indexOf("messageStop") - 40);
  const marks: readonly string[] = [
    "finishReason",
    '"finish_reason":"',
    "message_delta",
    "response.completed",
    "message-end",
  ];
  const text = body.toString();
  const end = Math.min(...marks.map((mark) => text.indexOf(mark)).filter((at) => at !== -1));
  const cut = Math.max(text.lastIndexOf("\n\n", end) + 2, text.lastIndexOf("\r\n\r\n", end) + 4);
  return Buffer.from(text.slice(0, cut));
}

test("what breaks off behind its first words is told as broken, however it breaks", async () => {
  for (const over of streamedDialects) {
    const { contentType } = sayTurn(over, { text: "x" }, true);
    const half = withoutEnd(over);
    const breaks: readonly Answer[] = [
      answering(half, contentType),
      (response) => {
        response.writeHead(200, { "content-type": contentType });
        response.write(half, () => setImmediate(() => response.socket?.destroy()));
      },
      (response) => {
        response.writeHead(200, { "content-type": contentType, "content-length": half.length + 9 });
        response.write(half, () => setImmediate(() => response.socket?.end()));
      },
    ];
    for (const front of fronts)
      for (const answer of breaks) {
        const asked = { model: modelOver(over), stream: true };
        const body = JSON.stringify(front.body(asked));
        const call = { path: front.path(asked), headers: front.headers, body };
        const reply = await bench.send(call, answer);
        const shown = `${front.id} over ${over}: ${reply.body.toString()}`;
        assert.equal(reply.status, 200, shown);
        assert.equal(reply.torn, false, shown);
        assert.match(reply.body.toString(), /Half/, shown);
        const last = splitEvents(reply.body.toString()).at(-1)?.data ?? "";
        assert.match(last, /"(?:error|response\.failed)"/, shown);
        assert.doesNotMatch(reply.body.toString(), terminators[front.id] ?? /$^/, shown);
      }
  }
  assert.deepEqual(alarmsOf(bench.node), []);
});

const terminators: Readonly<Partial<Record<FrontId, RegExp>>> = {
  "openai-chat": /\[DONE\]/,
  "openai-responses": /response\.completed|\[DONE\]/,
  "anthropic-messages": /message_stop/,
  "gemini-content": /finishReason/,
};
