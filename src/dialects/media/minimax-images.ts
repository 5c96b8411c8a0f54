/** MiniMax's images (`/v1/image_generation`): errors under a status of success. */
import type { JsonObject } from "../../core/json-value.ts";
import type { ImageRequest } from "../../wire/media.ts";
import type { MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { nearestRatio } from "./aspect-ratio.ts";
import { asKind, objectIn, onlyGenerates } from "./cannot.ts";
import { imageReply, madeImages } from "./image-results.ts";
import { minimaxError } from "./minimax-error.ts";
import { decodeVendorError } from "./vendor-error.ts";

/** platform.minimax.io/docs/api-reference/image-generation-t2i, `aspect_ratio`. */
const ratios = ["1:1", "16:9", "4:3", "3:2", "2:3", "3:4", "9:16", "21:9"] as const;

function encode(request: ImageRequest, model: string): JsonObject {
  const ratio = nearestRatio(request.size, ratios);
  return {
    model,
    prompt: request.prompt,
    n: request.count,
    response_format: request.deliver === "url" ? "url" : "base64",
    ...(ratio === null ? {} : { aspect_ratio: ratio }),
    ...(request.seed === null ? {} : { seed: request.seed }),
  };
}

export const minimaxImages: MediaCodec = {
  serves: ["image"],
  encodeRequest: (request, { model }) => {
    const image = asKind(request, "image");
    onlyGenerates(image);
    return { body: { kind: "json", value: encode(image, model) } };
  },
  decodeReply: ({ body }) => {
    const fields = parseObject(body);
    const error = minimaxError(fields);
    if (error !== undefined) return { kind: "failed", error };
    const { image_urls: urls, image_base64: base64 } = objectIn(fields["data"]);
    return Array.isArray(urls)
      ? imageReply(madeImages("url", urls))
      : imageReply(madeImages("base64", Array.isArray(base64) ? base64 : []));
  },
  decodeError: decodeVendorError,
};
