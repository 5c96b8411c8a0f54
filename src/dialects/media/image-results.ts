/** Puts images of vendors into our shape. */
import { GatewayError } from "../../core/errors.ts";
import type { DecodedMedia } from "../media-codec.ts";
import type { MadeImage } from "../../wire/media.ts";
import { type Usage, noUsage } from "../../wire/usage.ts";

/** Images in base64 or by URL. */
export function madeImages(kind: "base64" | "url", values: readonly unknown[]): MadeImage[] {
  return values
    .filter((value) => typeof value === "string" && value !== "")
    .map((value) => ({
      source: kind === "url" ? { kind, url: String(value) } : { kind, data: String(value) },
      revisedPrompt: null,
    }));
}

/** A whole reply. Throws `upstream_invalid` where there is no image in it. */
export function imageReply(images: readonly MadeImage[], usage: Usage = noUsage): DecodedMedia {
  if (images.length === 0) throw new GatewayError("upstream_invalid", "the reply holds no image");
  const kinds = { ...usage.kinds, images: images.length };
  return {
    kind: "reply",
    reply: { kind: "image", createdAtS: null, images, model: null, usage: { ...usage, kinds } },
  };
}
