/** Cloudflare's image models (`/ai/run/{model}`): the image itself, or base64 in JSON. */
import type { ImageRequest } from "../../wire/media.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { asKind, cannot, objectIn, onlyGenerates } from "./cannot.ts";
import { imageReply, madeImages } from "./image-results.ts";
import { decodeVendorError } from "./vendor-error.ts";

function encode(request: ImageRequest): JsonObject {
  return {
    prompt: request.prompt,
    ...(request.size === null ? {} : { width: request.size.width, height: request.size.height }),
    ...(request.seed === null ? {} : { seed: request.seed }),
    ...(request.negativePrompt === null ? {} : { negative_prompt: request.negativePrompt }),
  };
}

export const cloudflareImages: MediaCodec = {
  serves: ["image"],
  encodeRequest: (request, { model }) => {
    const image = asKind(request, "image");
    onlyGenerates(image);
    if (image.count !== 1) throw cannot("n", "This model's channel makes one image at a time");
    // Names look like @cf/black-forest-labs/flux-1-schnell.
    return { path: { target: model.split("/") }, body: { kind: "json", value: encode(image) } };
  },
  decodeReply: ({ headers, body }) => {
    if ((headers["content-type"] ?? "").startsWith("image/"))
      return imageReply(madeImages("base64", [body.toString("base64")]));
    return imageReply(madeImages("base64", [objectIn(parseObject(body)["result"])["image"]]));
  },
  decodeError: decodeVendorError,
};
