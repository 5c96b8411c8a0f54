/** Parts of forms that are sent to vendors. */
import type { FormPart, MediaFile } from "../../wire/media.ts";

export function textPart(name: string, value: string): FormPart {
  return { name, fileName: null, mediaType: null, value: Buffer.from(value) };
}

export function filePart(name: string, file: MediaFile): FormPart {
  return { name, fileName: file.name, mediaType: file.mediaType, value: file.data };
}
