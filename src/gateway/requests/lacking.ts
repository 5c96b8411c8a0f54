/**
 * What a provider's manifest says it lacks, held against what a call wants.
 * Promise kept here: a vendor is never sent what it is known to refuse or to ignore; the caller is told which field it was.
 */
import { GatewayError } from "../../core/errors.ts";
import type { Capability, Provider } from "../../providers/contract.ts";
import type { FrontId } from "../../wire/call.ts";
import type {
  AssistantPart,
  Conversation,
  ToolResultPart,
  UserPart,
} from "../../wire/conversation.ts";
import type { Call } from "../exchange/ending.ts";

type Asking = Pick<Call, "request" | "facts" | "decoded">;

/** Where callers of each dialect write a conversation and its instructions. */
const places: Readonly<Partial<Record<FrontId, { turns: string; system: string }>>> = {
  "openai-chat": { turns: "messages", system: "messages" },
  "openai-responses": { turns: "input", system: "instructions" },
  "anthropic-messages": { turns: "messages", system: "system" },
  "gemini-content": { turns: "contents", system: "systemInstruction" },
};

type AnyPart = AssistantPart | UserPart | ToolResultPart;

const partsOf = ({ messages }: Conversation): AnyPart[] =>
  messages.flatMap(({ parts }): readonly AnyPart[] => parts);

const isImage = (part: AnyPart): boolean =>
  part.kind === "media"
    ? part.medium === "image"
    : part.kind === "tool-result" && part.content.some((inner) => isImage(inner));

const isInlineImage = (part: AnyPart): boolean =>
  part.kind === "media"
    ? part.medium === "image" && part.source.kind === "data"
    : part.kind === "tool-result" && part.content.some((inner) => isInlineImage(inner));

function hasTools({ facts, decoded }: Asking): boolean {
  if (!facts.usesTools) return false;
  const { tools } = decoded.body();
  return !Array.isArray(tools) || tools.length > 0;
}

function hasSystem({ decoded }: Asking): boolean {
  const { system, messages } = decoded.conversation();
  return system.length > 0 || messages.some(({ role }) => role === "system");
}

function hasParallelCalls({ decoded }: Asking): boolean {
  const calls = (parts: readonly AnyPart[]): number =>
    parts.filter(({ kind }) => kind === "tool-call").length;
  return decoded.conversation().messages.some(({ parts }) => calls(parts) > 1);
}

interface Want {
  readonly wants: (call: Asking) => boolean;
  readonly field: (place: { turns: string; system: string }) => string;
  readonly what: string;
}

/** How a call that wants a capability is told; whoever lacks the others is asked all the same. */
const wanted: Readonly<Partial<Record<Capability, Want>>> = {
  tools: { wants: hasTools, field: () => "tools", what: "calls tools" },
  "parallel-tools": {
    wants: hasParallelCalls,
    field: ({ turns }) => turns,
    what: "takes several tool calls in one turn",
  },
  system: { wants: hasSystem, field: ({ system }) => system, what: "takes instructions" },
  streaming: { wants: ({ facts }) => facts.stream, field: () => "stream", what: "streams" },
  images: {
    wants: ({ decoded }) => partsOf(decoded.conversation()).some(isImage),
    field: ({ turns }) => turns,
    what: "takes images",
  },
  "inline-images": {
    wants: ({ decoded }) => partsOf(decoded.conversation()).some(isInlineImage),
    field: ({ turns }) => turns,
    what: "takes images but by URL",
  },
};

/** Throws `invalid_request` naming the field that wants what the provider lacks. */
export function refuseLacking(provider: Pick<Provider, "lacks">, call: Asking): void {
  if (provider.lacks === undefined || call.request.operation !== "chat") return;
  const place = places[call.request.dialect] ?? { turns: "messages", system: "messages" };
  for (const capability of provider.lacks) {
    const want = wanted[capability];
    if (want === undefined || !want.wants(call)) continue;
    const field = want.field(place);
    const message = `no upstream of this model ${want.what}; leave it out or use another model`;
    const detail = `\`${field}\`: ${message}`;
    throw new GatewayError("invalid_request", detail, {
      fields: [{ field, message }],
      values: { detail },
    });
  }
}
