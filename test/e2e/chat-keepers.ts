/** How clients of chat completions put a stream together and what of a message they bring back. */
import { asList, asObject } from "../fakes/scripted/turn.ts";

type Fields = Record<string, unknown>;
const objects = (value: unknown): Fields[] => asList(value).map((one) => ({ ...asObject(one) }));

export interface ChatKeeper {
  readonly name: string;
  readonly complete: boolean;
  /** Whether its own message holds the thoughts of a stream whole. */
  readonly reads: boolean;
  /** The message that a stream's chunks make. */
  gathered(events: readonly Fields[]): Fields;
  /** The message as it is brought back. */
  kept(message: Fields): Fields;
}

const deltasOf = (events: readonly Fields[]): Fields[] =>
  events.flatMap((event) =>
    objects(event["choices"]).map((choice) => ({ ...asObject(choice["delta"]) })),
  );

/** OpenAI's Python client: texts go on, objects and lists with `index` are merged, all else is replaced. */
function accumulate(known: Fields, delta: Fields): Fields {
  const all = { ...known };
  for (const [name, value] of Object.entries(delta)) {
    const before = all[name];
    if (before === undefined || before === null) all[name] = value;
    else if (name === "index" || name === "type") all[name] = value;
    else if (typeof before === "string" && typeof value === "string") all[name] = before + value;
    else if (Array.isArray(before) && Array.isArray(value)) all[name] = mergeLists(before, value);
    else if (typeof before === "object" && typeof value === "object" && value !== null)
      all[name] = accumulate(before as Fields, value as Fields);
    else if (value !== null) all[name] = value;
  }
  return all;
}

function mergeLists(before: readonly unknown[], fresh: readonly unknown[]): unknown[] {
  const list = [...before];
  for (const entry of fresh) {
    const { index } = asObject(entry);
    if (typeof index !== "number")
      throw new Error("Expected list delta entry to have an `index` key");
    const known = list[index];
    list[index] =
      known === undefined ? entry : accumulate(known as Fields, asObject(entry) as Fields);
  }
  return list;
}

const python = (events: readonly Fields[]): Fields =>
  // The first entry of a list stands as it came.
  deltasOf(events).reduce(accumulate, {});

/** OpenAI's Node client: what it knows is put together, all else is replaced by what came last. */
function node(events: readonly Fields[]): Fields {
  return deltasOf(events).reduce((message, delta) => {
    const { content, refusal, role, tool_calls: calls, ...rest } = delta;
    const known = accumulate(
      { ...message },
      Object.fromEntries(
        Object.entries({ content, refusal, tool_calls: calls }).filter(
          ([, value]) => value != null,
        ),
      ),
    );
    return { ...known, ...rest, ...(role === undefined ? {} : { role }) };
  }, {} as Fields);
}

/** Calls of a stream bear their number, which no client brings back. */
function withoutIndex(message: Fields): Fields {
  if (message["tool_calls"] === undefined) return message;
  const calls = objects(message["tool_calls"]).map(({ index: _index, ...call }) => call);
  return { ...message, tool_calls: calls };
}

function knownMembers({ role, content, tool_calls: calls }: Fields): Fields {
  const plain = objects(calls).map(({ id, function: fn }) => ({
    id,
    type: "function",
    function: fn,
  }));
  return { role, content: content ?? null, ...(plain.length === 0 ? {} : { tool_calls: plain }) };
}

export const chatKeepers: readonly ChatKeeper[] = [
  { name: "openai-chat", complete: true, reads: true, gathered: python, kept: withoutIndex },
  {
    name: "openai-chat in Node",
    complete: false,
    reads: false,
    gathered: node,
    kept: withoutIndex,
  },
  {
    name: "openai-chat by the AI SDK",
    complete: false,
    reads: true,
    gathered: python,
    kept: (message) => ({
      ...knownMembers(message),
      ...(message["reasoning_content"] === undefined
        ? {}
        : { reasoning_content: message["reasoning_content"] }),
      ...(message["tool_calls"] === undefined
        ? {}
        : {
            tool_calls: objects(message["tool_calls"]).map(
              ({ id, function: fn, extra_content }) => ({
                id,
                type: "function",
                function: fn,
                ...(extra_content === undefined ? {} : { extra_content }),
              }),
            ),
          }),
    }),
  },
  {
    name: "openai-chat, known members alone",
    complete: false,
    reads: true,
    gathered: python,
    kept: knownMembers,
  },
];
