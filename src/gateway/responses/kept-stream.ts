/**
 * Tells a response that the gateway keeps: kept before its end is told, so that whoever has heard the end can go on from
 * it on any node. Promise kept here: the last byte waits for the database, never the first, and never for long.
 */
import type { EncodeEvent, ReplyContext } from "../../dialects/codec.ts";
import { makeResponseStream } from "../../dialects/openai-responses-state.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { Attempt } from "../exchange/ending.ts";
import { notKept, warningHeader } from "../state/response-keeper.ts";

export interface KeptStream {
  readonly encode: EncodeEvent;
  /** Asked once, behind the last event before the end. `ready`: the end can be told; never rejects. */
  beforeEnd(): { readonly bytes: string | undefined; readonly ready: Promise<void> };
}

/** Undefined: nothing is kept of this call. */
export function makeKeptStream({ call }: Attempt, context: ReplyContext): KeptStream | undefined {
  const keeper = call.state?.keeper ?? null;
  if (keeper === null) return undefined;
  const stream = makeResponseStream(context);
  return {
    encode: stream.encode,
    beforeEnd: () => {
      const { response, bytes } = stream.complete();
      const ready = keeper.keep(response, call.decoded.body()).then((reason) => {
        if (reason === null) stream.markStored(true);
        else stream.markStored(false, notKept(reason));
      });
      return { bytes, ready };
    },
  };
}

type Headers = Readonly<Record<string, string>>;

/** A whole response as it can be told, and its headers: at once where nothing is kept of it. */
export function keepWhole(
  { call }: Attempt,
  response: JsonObject,
  headers: Headers,
): KeptWhole | Promise<KeptWhole> {
  const keeper = call.state?.keeper ?? null;
  if (keeper === null) return { response, headers };
  return keeper
    .keep(response, call.decoded.body())
    .then((reason) =>
      reason === null
        ? { response, headers }
        : { response: { ...response, store: false }, headers: warnedOf(headers, reason) },
    );
}

export interface KeptWhole {
  readonly response: JsonObject;
  readonly headers: Headers;
}

/** Headers that tell why a response is not kept; the same ones where it is, or none was to be. */
export function warnedOf(headers: Headers, reason: string | null | undefined): Headers {
  if (reason === null || reason === undefined) return headers;
  return { ...headers, [warningHeader]: notKept(reason) };
}
