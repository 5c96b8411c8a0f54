/** Google's images: Imagen's `:predict`, and models that answer conversations with images. */
import { GatewayError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json-value.ts";
import type { ImageRequest } from "../../wire/media.ts";
import { noUsage } from "../../wire/usage.ts";
import { decodeUsage } from "../gemini/usage.ts";
import type { DecodedMedia, MediaCodec } from "../media-codec.ts";
import { parseObject } from "../parse-object.ts";
import { nearestRatio } from "./aspect-ratio.ts";
import { asKind, cannot, objectIn, objectsIn, onlyGenerates } from "./cannot.ts";
import { imageReply, madeImages } from "./image-results.ts";
import { decodeVendorError } from "./vendor-error.ts";

const imagenRatios = ["1:1", "3:4", "4:3", "9:16", "16:9"] as const;
const geminiRatios = [...imagenRatios, "2:3", "3:2", "4:5", "5:4", "21:9"] as const;

function filtered(message: string): DecodedMedia {
  const error = { message, type: null, code: "content_filter", status: 400 };
  return { kind: "failed", error };
}

function encodePredict(request: ImageRequest): JsonObject {
  const ratio = nearestRatio(request.size, imagenRatios);
  const { outputFormat } = request;
  return {
    instances: [{ prompt: request.prompt }],
    parameters: {
      sampleCount: request.count,
      ...(ratio === null ? {} : { aspectRatio: ratio }),
      ...(request.negativePrompt === null ? {} : { negativePrompt: request.negativePrompt }),
      ...(outputFormat === null ? {} : { outputOptions: { mimeType: `image/${outputFormat}` } }),
    },
  };
}

export const geminiPredict: MediaCodec = {
  serves: ["image"],
  encodeRequest: (request) => {
    const image = asKind(request, "image");
    onlyGenerates(image);
    if (image.count > 4) throw cannot("n", "This model makes four images at most");
    return { body: { kind: "json", value: encodePredict(image) } };
  },
  decodeReply: ({ body }) => {
    const predictions = objectsIn(parseObject(body)["predictions"]);
    const images = madeImages(
      "base64",
      predictions.map((one) => one["bytesBase64Encoded"]),
    );
    const reason = predictions.find((one) => typeof one["raiFilteredReason"] === "string");
    if (images.length === 0 && reason !== undefined)
      return filtered(String(reason["raiFilteredReason"]));
    // Google sends an empty object where its filter took every image.
    if (predictions.length === 0) return filtered("The vendor's filter let no image through");
    return imageReply(images);
  },
  decodeError: decodeVendorError,
};

function encodeContent(request: ImageRequest): JsonObject {
  const ratio = nearestRatio(request.size, geminiRatios);
  const images = [...request.images, ...(request.mask === null ? [] : [request.mask])];
  const parts = images.map(({ mediaType, data }) => ({
    inlineData: { mimeType: mediaType, data: data.toString("base64") },
  }));
  return {
    contents: [{ role: "user", parts: [{ text: request.prompt }, ...parts] }],
    generationConfig: {
      responseModalities: ["TEXT", "IMAGE"],
      ...(ratio === null ? {} : { imageConfig: { aspectRatio: ratio } }),
      ...(request.seed === null ? {} : { seed: request.seed }),
    },
  };
}

/** `generateContent` of a model that makes images. */
export const geminiImages: MediaCodec = {
  serves: ["image"],
  encodeRequest: (request) => {
    const image = asKind(request, "image");
    if (image.count !== 1) throw cannot("n", "This model makes one image at a time");
    if (image.action === "vary")
      throw cannot("model", "This model does not vary images; edit one by a prompt");
    return { body: { kind: "json", value: encodeContent(image) } };
  },
  decodeReply: ({ body }) => {
    const fields = parseObject(body);
    const [candidate] = objectsIn(fields["candidates"]);
    const parts = objectsIn(objectIn(candidate?.["content"])["parts"]);
    const data = parts.map((part) => objectIn(part["inlineData"])["data"]);
    const images = madeImages("base64", data);
    if (images.length > 0)
      return imageReply(images, decodeUsage(fields["usageMetadata"]) ?? noUsage);
    const blocked =
      objectIn(fields["promptFeedback"])["blockReason"] ?? candidate?.["finishReason"];
    if (typeof blocked === "string" && blocked !== "STOP" && blocked !== "MAX_TOKENS")
      return filtered(`The vendor withheld the image (${blocked})`);
    throw new GatewayError("upstream_invalid", "the reply holds no image");
  },
  decodeError: decodeVendorError,
};
