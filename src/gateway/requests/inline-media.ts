/** Puts media inline that the endpoint at hand does not fetch by itself. */
import type { InlineFile } from "../../dialects/contract.ts";
import type { Attempt } from "../exchange/ending.ts";
import type { Translation } from "../exchange/endpoint-choice.ts";
import type { CallMedia } from "./fetch-media.ts";

/** An attempt whose media are there. */
export interface InlinedAttempt {
  /** With the conversation inline, where it is translated. */
  readonly attempt: Attempt;
  /** What to put into a body that passes through, by URL; left out: it is translated. */
  readonly files?: ReadonlyMap<string, InlineFile>;
}

/** The attempt with its media inline; undefined: it is sent as it is. Rejects as {@link CallMedia.inline}. */
export function inlineMedia(
  attempt: Attempt,
  media: CallMedia | undefined,
): Promise<InlinedAttempt> | undefined {
  if (media === undefined) return undefined;
  const { translation } = attempt;
  return translation === null
    ? inlinePassing(attempt, media)
    : inlineTranslated(attempt, translation, media);
}

function fetchesNone({ endpoint }: Attempt): boolean {
  return endpoint.quirks?.includes("inline-media") === true;
}

/** The body is the caller's own: only what it names by URL is looked for. */
function inlinePassing(attempt: Attempt, media: CallMedia): Promise<InlinedAttempt> | undefined {
  const { call, endpoint } = attempt;
  const { findMediaUrls, id } = call.dialect;
  if (!fetchesNone(attempt) || findMediaUrls === undefined || endpoint.dialect !== id)
    return undefined;
  const fetched = media.files(findMediaUrls(call.request.body, call.facts));
  return fetched?.then((files) => ({ attempt, files }));
}

function inlineTranslated(
  attempt: Attempt,
  translation: Translation,
  media: CallMedia,
): Promise<InlinedAttempt> | undefined {
  const { codec } = translation;
  const all = fetchesNone(attempt);
  if (!all && codec.inlines === undefined) return undefined;
  const inlined = media.inline(
    attempt.call.decoded.conversation(),
    (part) => all || codec.inlines?.(part) === true,
  );
  return inlined?.then((conversation) => ({
    attempt: { ...attempt, translation: { ...translation, conversation } },
  }));
}
