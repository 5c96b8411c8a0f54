/** Turns an upstream's whole reply into the caller's dialect: whole, or as a stream where one was asked for. */
import { GatewayError } from "../../core/errors.ts";
import type { ChatReply } from "../../wire/chat-reply.ts";
import type { BodyTaker, Settle } from "../exchange/ending.ts";
import { type KeptWhole, keepWhole } from "../responses/kept-stream.ts";
import { readContext, replyContext } from "./reply-context.ts";
import { replyEvents } from "./reply-events.ts";
import { wantsSingleCall, withSingleCalls } from "./single-call.ts";
import { EventTeller, type TranslatedParts } from "./translated-stream.ts";
import { WholeJson } from "../exchange/whole-json.ts";

/** Bytes of text of an answer, for the estimate where no usage is told. */
function textBytesOf(reply: ChatReply): number {
  const parts = reply.choices.flatMap((choice) => choice.parts);
  return parts.reduce((sum, part) => {
    if (part.kind === "tool-call") return sum + Buffer.byteLength(part.arguments);
    return "text" in part ? sum + Buffer.byteLength(part.text) : sum;
  }, 0);
}

export function takeTranslatedWhole(parts: TranslatedParts, settle: Settle): BodyTaker {
  const { attempt, translation } = parts;
  const { codec } = translation;
  const tell = attempt.call.facts.stream ? tellStream : tellWhole;
  return new WholeJson(
    {
      decode: (parsed) => answered(codec.decodeReply(parsed, readContext(attempt))),
      decodeError: (body) => codec.decodeError(body),
      tell: (reply) => tell(reply, parts, settle),
    },
    settle,
  );
}

/** Throws `upstream_invalid` for a reply of success that answers nothing. */
function answered(reply: ChatReply): ChatReply {
  if (reply.choices.length > 0) return reply;
  throw new GatewayError("upstream_invalid", "the reply holds no answer");
}

function tellStream(reply: ChatReply, parts: TranslatedParts, settle: Settle): void {
  const teller = new EventTeller(parts, settle);
  for (const event of replyEvents(reply)) teller.tell(event);
}

/** Tells a whole reply and settles the attempt. */
export function tellWhole(reply: ChatReply, parts: TranslatedParts, settle: Settle): void {
  const { attempt, front, headers } = parts;
  const { call } = attempt;
  const shown = wantsSingleCall(call) ? withSingleCalls(reply) : reply;
  const encoded = front.encodeReply(shown, replyContext(attempt, reply.model));
  const answer = ({ response, headers: told }: KeptWhole): void => {
    const body = Buffer.from(JSON.stringify(response));
    const own = { "content-type": "application/json", "content-length": String(body.length) };
    call.reply.whole({ status: 200, headers: { ...told, ...own }, body });
    settle({
      kind: "answered",
      outcome: "complete",
      error: null,
      usage: reply.usage,
      textBytes: reply.usage === null ? textBytesOf(reply) : 0,
      modelReported: reply.model,
      firstContentAtMs: call.clock.monotonic(),
    });
  };
  const kept = keepWhole(attempt, encoded, headers);
  if (kept instanceof Promise) void kept.then(answer);
  else answer(kept);
}
