/** Puts media inline that the endpoint at hand does not fetch by itself. */
import type { Conversation } from "../../wire/conversation.ts";
import type { Attempt } from "../exchange/ending.ts";
import type { CallMedia } from "./fetch-media.ts";

/** The caller's request with its media inline; undefined: it is sent as it is. Rejects as {@link CallMedia.inline}. */
export function inlineMedia(
  { call, endpoint, translation }: Attempt,
  media: CallMedia | undefined,
): Promise<Conversation> | undefined {
  if (translation === null || media === undefined) return undefined;
  const { codec } = translation;
  const fetchesNone = endpoint.quirks?.includes("inline-media") === true;
  if (!fetchesNone && codec.inlines === undefined) return undefined;
  return media.inline(
    call.decoded.conversation(),
    (part) => fetchesNone || codec.inlines?.(part) === true,
  );
}
