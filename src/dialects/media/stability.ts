/** Stability's image services: forms in, base64 out, the path by what is asked. */
import { GatewayError } from "../../core/errors.ts";
import type { FormPart, ImageRequest } from "../../wire/media.ts";
import type { EncodedMedia, MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { nearestRatio } from "./aspect-ratio.ts";
import { asKind, cannot } from "./cannot.ts";
import { filePart, textPart } from "./form-fields.ts";
import { imageReply, madeImages } from "./image-results.ts";
import { decodeVendorError } from "./vendor-error.ts";

/** platform.stability.ai/docs/api-reference, `aspect_ratio`. */
const ratios = ["1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"] as const;

/** The service that a model's name stands for; all others are versions of Stable Diffusion 3. */
function serviceOf(model: string): string {
  if (/(?:^|[-/])ultra$/.test(model)) return "ultra";
  return /(?:^|[-/])core$/.test(model) ? "core" : "sd3";
}

function maybe(name: string, value: string | number | null): FormPart[] {
  return value === null ? [] : [textPart(name, String(value))];
}

function wishes(request: ImageRequest): FormPart[] {
  return [
    textPart("prompt", request.prompt),
    ...maybe("negative_prompt", request.negativePrompt),
    ...maybe("seed", request.seed),
    textPart("output_format", request.outputFormat ?? "png"),
  ];
}

function encodeEdit(request: ImageRequest): EncodedMedia {
  const [image, second] = request.images;
  if (image === undefined || second !== undefined)
    throw cannot("image", "This model's channel edits exactly one image");
  const mask = request.mask === null ? [] : [filePart("mask", request.mask)];
  const parts = [...wishes(request), filePart("image", image), ...mask];
  return { path: { task: ["edit", "inpaint"] }, body: { kind: "form", parts } };
}

function encodeGeneration(request: ImageRequest, model: string): EncodedMedia {
  const service = serviceOf(model);
  const parts = [
    ...wishes(request),
    ...maybe("aspect_ratio", nearestRatio(request.size, ratios)),
    ...(service === "sd3" ? [textPart("model", model)] : []),
  ];
  return { path: { task: ["generate", service] }, body: { kind: "form", parts } };
}

export const stabilityImages: MediaCodec = {
  serves: ["image"],
  encodeRequest: (request, { model }) => {
    const image = asKind(request, "image");
    if (image.count !== 1) throw cannot("n", "This model's channel makes one image at a time");
    if (image.action === "vary")
      throw cannot("model", "This model's channel does not vary images; edit one by a prompt");
    const encoded = image.action === "edit" ? encodeEdit(image) : encodeGeneration(image, model);
    return { ...encoded, headers: { accept: "application/json" } };
  },
  decodeReply: ({ body }) => {
    const fields = parseObject(body);
    if (fields["finish_reason"] === "CONTENT_FILTERED") {
      const message = "The image was withheld by the vendor's content filter";
      const error = { message, type: null, code: "content_filter", status: 400 };
      return { kind: "failed", error };
    }
    if (typeof fields["image"] !== "string")
      throw new GatewayError("upstream_invalid", "the reply holds no image");
    return imageReply(madeImages("base64", [fields["image"]]));
  },
  decodeError: decodeVendorError,
};
