/**
 * Upstreams' answers made wrong: mutated bodies, streams whose events are mutated, lost, doubled or cut, and replies that
 * break below HTTP's grammar. Each says whether a caller may take what comes of it for a whole answer.
 */
import fastCheck from "fast-check";
import type { Answer } from "./fuzz-bench.ts";
import { type Mutation, mutate, mutations } from "./fuzz-mutations.ts";
import { SseFramer, eventData } from "../../src/core/sse.ts";
import { awsFrame, readAwsFrames } from "../fakes/scripted/aws-frame.ts";
import { type StreamedDialect, loadStreams, sayTurn } from "../fakes/streams.ts";
import type { Said } from "../fakes/scripted/turn.ts";

export interface HostileAnswer {
  readonly answer: Answer;
  /** The answer broke off: nobody may take it for whole. */
  readonly truncated: boolean;
  /** For a person who reads of a fault. */
  readonly shown: string;
}

const words: readonly Said[] = [
  { text: "Grüße, 名 😀." },
  { reasoning: "hm", text: "I look.", calls: [{ name: "weather", arguments: { city: "Köln" } }] },
  {
    calls: [
      { name: "weather", arguments: {} },
      { name: "weather", arguments: { days: 1 } },
    ],
  },
  { text: "cut", cutOff: true },
];

/** One event of a stream as its framing has it, and the JSON in it; undefined: it holds none. */
interface Event {
  readonly bytes: Buffer;
  readonly json: object | undefined;
  render(json: Buffer): Buffer;
}

function objectIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sseEvents(body: Buffer): Event[] {
  const events: Event[] = [];
  new SseFramer((event) => {
    const bytes = Buffer.from(event);
    const data = eventData(bytes)?.toString() ?? "";
    const [before = "", behind = ""] = data === "" ? [] : bytes.toString().split(data);
    events.push({
      bytes,
      json: objectIn(data),
      // What is mutated may hold line ends, which would end the event.
      render: (json) => Buffer.concat([Buffer.from(before), json, Buffer.from(behind)]),
    });
  }).push(body);
  return events;
}

function awsEvents(body: Buffer): Event[] {
  return readAwsFrames(body).map(({ type, kind, payload }) => ({
    bytes: Buffer.from(awsFrame(type, payload, kind)),
    json: objectIn(payload),
    render: (json) => Buffer.from(awsFrame(type, json.toString("latin1"), kind)),
  }));
}

function lineEvents(body: Buffer): Event[] {
  return body
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({
      bytes: Buffer.from(`${line}\n`),
      json: objectIn(line),
      render: (json) => Buffer.concat([json, Buffer.from("\n")]),
    }));
}

function eventsOf(dialect: StreamedDialect, body: Buffer): Event[] {
  if (dialect === "bedrock-converse") return awsEvents(body);
  return dialect === "ollama-chat" ? lineEvents(body) : sseEvents(body);
}

const streamFaults = [
  "mutate",
  "mutate",
  "mutate",
  "mutate-two",
  "drop",
  "double",
  "swap",
  "cut-event",
  "cut-byte",
  "cut-socket",
  "end-early",
  "garbage",
  "noise",
  "reverse",
  "flip",
  "none",
] as const;

const wholeFaults = ["mutate", "mutate", "mutate", "truncate", "short", "socket", "none"] as const;

const statuses = [
  200, 200, 200, 200, 200, 200, 200, 201, 204, 302, 400, 404, 422, 429, 500, 503, 529,
];
const types = ["right", "right", "right", "right", "right", "text/html", "", "application/json"];

export interface Fault {
  readonly stream: (typeof streamFaults)[number];
  readonly whole: (typeof wholeFaults)[number];
  readonly first: Mutation;
  readonly second: Mutation;
  readonly pick: number;
  readonly at: number;
  readonly status: number;
  readonly type: string;
}

/** Draws faults. */
export const faults: fastCheck.Arbitrary<Fault> = fastCheck.record({
  stream: fastCheck.constantFrom(...streamFaults),
  whole: fastCheck.constantFrom(...wholeFaults),
  first: mutations,
  second: mutations,
  pick: fastCheck.nat(),
  at: fastCheck.nat(),
  status: fastCheck.constantFrom(...statuses),
  type: fastCheck.constantFrom(...types),
});

const noise: Readonly<Record<string, readonly string[]>> = {
  sse: [
    ": comment\n\n",
    "\n\n\n",
    "event: ping\ndata: {}\n\n",
    "data:\n\n",
    "data: null\n\n",
    "data: []\n\n",
    'data: "text"\n\n',
    "data: {}\n\n",
    "id: 1\nretry: 5\n\n",
    'event: error\ndata: {"error":{"message":"boom","type":"server_error"}}\n\n',
    'data: {"error":null}\n\n',
    "data: {\ndata: }\n\n",
    "\ufeff",
    "data: [DONE]\n\n",
    "event: message_stop\n\n",
    "HTTP/1.1 500 Oops\r\n\r\n",
    "<html>",
    "\u0000",
  ],
  lines: ["\n", "{}\n", "null\n", "[]\n", '{"error":"boom"}\n', "<html>\n", "\u0000\n"],
};

function noiseFor(dialect: StreamedDialect, pick: number): Buffer {
  if (dialect === "bedrock-converse") {
    const frames = [
      awsFrame("throttlingException", '{"message":"slow down"}', "exception"),
      awsFrame("nothingKnown", "{}"),
      awsFrame("contentBlockDelta", "null"),
      awsFrame("messageStop", "{}"),
      Buffer.from([0, 0, 0, 4, 0, 0, 0, 0]),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 1, 2, 3, 4]),
    ];
    return Buffer.from(frames[pick % frames.length] ?? "");
  }
  const list = noise[dialect === "ollama-chat" ? "lines" : "sse"] ?? [];
  return Buffer.from(list[pick % list.length] ?? "");
}

interface Broken {
  readonly body: Buffer;
  readonly truncated: boolean;
  /** The connection breaks behind the body. */
  readonly torn: boolean;
}

/** Where the last event that an answer cannot do without begins. */
function breakStream(dialect: StreamedDialect, events: readonly Event[], fault: Fault): Broken {
  const whole = Buffer.concat(events.map(({ bytes }) => bytes));
  const at = fault.at % events.length;
  const joined = (list: readonly Buffer[]): Broken => ({
    body: Buffer.concat(list),
    truncated: false,
    torn: false,
  });
  const bytes = events.map((event) => event.bytes);
  const mutated = (index: number, mutation: Mutation): Buffer => {
    const event = events[index % events.length];
    if (event?.json === undefined) return event?.bytes ?? Buffer.alloc(0);
    return event.render(mutate(event.json, mutation));
  };
  switch (fault.stream) {
    case "none":
      return joined(bytes);
    case "mutate":
      return joined(bytes.with(at, mutated(at, fault.first)));
    case "mutate-two": {
      const other = (at + 1) % events.length;
      return joined(
        bytes.with(at, mutated(at, fault.first)).with(other, mutated(other, fault.second)),
      );
    }
    case "drop":
      return joined(bytes.toSpliced(at, 1));
    case "double":
      return joined(bytes.toSpliced(at, 0, bytes[at] ?? Buffer.alloc(0)));
    case "swap": {
      const other = fault.pick % events.length;
      return joined(bytes.with(at, bytes[other]!).with(other, bytes[at]!));
    }
    case "reverse":
      return joined(bytes.toReversed());
    case "garbage":
      return joined(bytes.toSpliced(at, 0, Buffer.from(mutate({ a: [1] }, fault.first))));
    case "noise":
      return joined(bytes.toSpliced(at, 0, noiseFor(dialect, fault.pick)));
    case "flip": {
      const flipped = Buffer.from(whole);
      const place = fault.pick % whole.length;
      flipped[place] = (flipped[place] ?? 0) ^ (1 << (fault.pick % 8));
      return joined([flipped]);
    }
    // From here on something is missing at the end: at most half of the events came.
    case "end-early":
    case "cut-event":
      return {
        ...joined(bytes.slice(0, at >> 1)),
        truncated: true,
        torn: fault.stream === "cut-event",
      };
    case "cut-byte":
    case "cut-socket": {
      const end = fault.pick % Math.ceil(whole.length / 2);
      const torn = fault.stream === "cut-socket";
      return { body: whole.subarray(0, end), truncated: true, torn };
    }
  }
}

function breakWhole(body: Buffer, fault: Fault): Broken & { readonly length: number | null } {
  const same = { body, truncated: false, torn: false, length: null };
  switch (fault.whole) {
    case "none":
      return same;
    case "mutate":
      return { ...same, body: mutate(JSON.parse(body.toString()) as object, fault.first) };
    case "truncate":
      return { ...same, body: body.subarray(0, fault.at % body.length), truncated: true };
    case "short":
      // Less comes than its length says.
      return { ...same, torn: true, truncated: true, length: body.length + 1 + (fault.at % 50) };
    case "socket": {
      const part = body.subarray(0, fault.at % body.length);
      return { body: part, truncated: true, torn: true, length: body.length };
    }
  }
}

/** An answer of an API to a call, made wrong. */
export function breakAnswer(
  dialect: StreamedDialect,
  stream: boolean,
  fault: Fault,
): HostileAnswer {
  const recorded = stream && fault.pick % 3 === 0 ? smallStreams(dialect) : [];
  const said = words[fault.pick % words.length] ?? {};
  const good = recorded[fault.at % Math.max(1, recorded.length)] ?? sayTurn(dialect, said, stream);
  const broken = stream
    ? { ...breakStream(dialect, eventsOf(dialect, good.body), fault), length: null }
    : breakWhole(good.body, fault);
  return answering(broken, good.contentType, stream ? fault.stream : fault.whole, fault);
}

/** A reply of one JSON object, made wrong. */
export function breakPlain(good: object, fault: Fault): HostileAnswer {
  const broken = breakWhole(Buffer.from(JSON.stringify(good)), fault);
  return answering(broken, "application/json", fault.whole, fault);
}

function answering(
  broken: ReturnType<typeof breakWhole>,
  contentType: string,
  kind: string,
  fault: Fault,
): HostileAnswer {
  const type = fault.type === "right" ? contentType : fault.type;
  // Bodies of errors break off unnoticed: their status told it all.
  const truncated = broken.truncated && fault.status === 200;
  const answer: Answer = (response) => {
    response.writeHead(fault.status, {
      ...(type === "" ? {} : { "content-type": type }),
      ...(broken.length === null ? {} : { "content-length": String(broken.length) }),
      ...(fault.status === 429 ? { "retry-after": "1" } : {}),
      ...(fault.status === 302 ? { location: "http://127.0.0.1:1/" } : {}),
    });
    if (!broken.torn) return void response.end(broken.body);
    response.write(broken.body, () => setImmediate(() => response.socket?.destroy()));
  };
  const shown = `${kind} ${fault.status} ${type}: ${broken.body.toString("utf8", 0, 3000)}`;
  return { answer, truncated, shown };
}

const collected = new Map<StreamedDialect, ReturnType<typeof loadStreams>>();

function smallStreams(dialect: StreamedDialect): ReturnType<typeof loadStreams> {
  const known =
    collected.get(dialect) ?? loadStreams(dialect).filter(({ body }) => body.length < 8000);
  collected.set(dialect, known);
  return known;
}
