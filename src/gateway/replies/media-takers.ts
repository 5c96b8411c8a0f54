/** Picks who takes the reply to an operation beside conversation: by what it is, not by what was asked for. */
import type { Operation } from "../../wire/call.ts";
import type { Upstream, UpstreamRequest } from "../../upstream/upstream.ts";
import { BinaryReply } from "./binary-reply.ts";
import type { Attempt, BodyTaker, Settle } from "../exchange/ending.ts";
import { MediaReplyTaker } from "./media-reply.ts";
import { StreamTee } from "./tee.ts";
import { TextReply } from "./text-reply.ts";
import { WholeReply } from "./whole-reply.ts";

/** Operations whose replies may be neither JSON nor events. */
const mediaOperations: readonly Operation[] = [
  "image-generation",
  "image-edit",
  "image-variation",
  "speech",
  "transcription",
  "translation",
  "image-tool",
];

/** How the request of an attempt was sent. */
export interface Sending {
  /** Credential included. */
  readonly request: UpstreamRequest;
  readonly upstream: Upstream;
}

/** Undefined: a reply like those of conversations. */
export function mediaTakerOf(
  attempt: Attempt,
  headers: Readonly<Record<string, string>>,
  settle: Settle,
  sending: Sending,
): BodyTaker | undefined {
  const { call, turn } = attempt;
  if (turn !== undefined) return turnTaker(attempt, headers, settle, sending);
  const { operation } = call.request;
  if (!mediaOperations.includes(operation)) return undefined;
  const type = headers["content-type"] ?? "";
  if (type.startsWith("text/event-stream")) return new StreamTee(attempt, headers, settle);
  if (type.includes("json")) return new WholeReply(attempt, headers, settle);
  if (operation === "speech") return new BinaryReply({ attempt, headers, usage: null }, settle);
  if (operation === "transcription" || operation === "translation")
    return new TextReply(attempt, headers, settle);
  return undefined;
}

function turnTaker(
  attempt: Attempt,
  headers: Readonly<Record<string, string>>,
  settle: Settle,
  sending: Sending,
): BodyTaker | undefined {
  const { turn, call } = attempt;
  const front = call.dialect.media;
  if (turn === undefined || front === undefined) return undefined;
  const { bytesBack } = turn.encoded;
  const isError = (headers["content-type"] ?? "").includes("json");
  if (bytesBack === undefined || isError || call.facts.stream)
    return new MediaReplyTaker(
      { attempt, turn, front, headers, sent: sending.request, upstream: sending.upstream },
      settle,
    );
  const own = { ...headers, "content-type": bytesBack.mediaType };
  return new BinaryReply({ attempt, headers: own, usage: bytesBack.usage }, settle);
}
