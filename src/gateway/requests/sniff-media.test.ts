/** What bytes are is told by their beginning and their sender's word together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findUrlField } from "./find-url-field.ts";
import { sniffMedia } from "./sniff-media.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const webm = bytes("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm");

/** Beginning, header, what it is; an empty one: nothing. */
const cases: readonly (readonly [Buffer, string | null, string])[] = [
  [bytes("\x89PNG\r\n\x1a\n...."), "image/png", "image image/png"],
  [bytes("\x89PNG\r\n\x1a\n...."), null, "image image/png"],
  [bytes("\x89PNG\r\n\x1a\n...."), "binary/octet-stream", "image image/png"],
  [bytes("\x89PNG\r\n\x1a\n...."), " Image/PNG ; charset=x", "image image/png"],
  [bytes("\x89PNG\r\n\x1a\n...."), "image/jpeg", "image image/png"],
  [bytes("\x89PNG\r\n\x1a\n...."), "application/pdf", ""],
  [bytes("\x89PNG\r\n\x1a\n...."), "text/html", ""],
  [bytes("\x89PNG"), "image/png", ""],
  [bytes("\xff\xd8\xff\xe0"), "image/jpg", "image image/jpeg"],
  [bytes("GIF89a"), "image/gif", "image image/gif"],
  [bytes("GIF88a"), "image/gif", ""],
  [bytes("RIFF\x01\0\0\0WEBPVP8 "), "image/webp", "image image/webp"],
  [bytes("RIFF\x01\0\0\0WAVEfmt "), "audio/x-wav", "audio audio/wav"],
  [bytes("RIFF\x01\0\0\0AVI LIST"), "video/avi", ""],
  [bytes("\0\0\0\x18ftypheic"), "image/heic", "image image/heic"],
  [bytes("%PDF-1.4"), "application/pdf", "document application/pdf"],
  [bytes("%PDF-1.4"), "application/x-pdf", "document application/pdf"],
  [bytes("%PDF-1.4"), null, "document application/pdf"],
  [bytes("%PDF-1.4"), "image/png", ""],
  [bytes("ID3\x04"), "audio/mpeg", "audio audio/mpeg"],
  [bytes("\xff\xfb\x90"), "audio/mp3", "audio audio/mpeg"],
  [bytes("\xff\xf1\x50"), "audio/aac", "audio audio/aac"],
  [bytes("fLaC"), "audio/flac", "audio audio/flac"],
  [bytes("OggS"), "application/ogg", "audio audio/ogg"],
  [bytes("OggS"), "video/ogg", "video video/ogg"],
  [bytes("FORM\0\0\0\0AIFC"), "audio/aiff", "audio audio/aiff"],
  [bytes("\0\0\0\x18ftypM4A "), "audio/mp4", "audio audio/mp4"],
  [bytes("\0\0\0\x18ftypisom"), "video/mp4", "video video/mp4"],
  [bytes("\0\0\0\x18ftypisom"), "audio/mp4", "audio audio/mp4"],
  [bytes("\0\0\0\x18ftypqt  "), "video/quicktime", "video video/quicktime"],
  [bytes("\0\0\0\x18ftyp3gp5"), "video/3gpp", "video video/3gpp"],
  [webm, "video/webm", "video video/webm"],
  [webm, "audio/webm", "audio audio/webm"],
  [bytes("\x1a\x45\xdf\xa3matroska"), "video/x-matroska", "video video/x-matroska"],
  [bytes("\0\0\x01\xba"), "video/mpeg", "video video/mpeg"],
  [bytes("FLV\x01"), "video/x-flv", "video video/x-flv"],
  [Buffer.from("Grüße"), "text/plain; charset=utf-8", "document text/plain"],
  [Buffer.from("a,b\n"), "text/csv", "document text/csv"],
  [bytes("a\0b"), "text/plain", ""],
  [bytes("\xff\xfe"), "text/plain", ""],
  [Buffer.from("words"), null, ""],
  [Buffer.from("<svg/>"), "image/svg+xml", ""],
  [Buffer.from("<html>"), "text/html", ""],
  [bytes("PK\x03\x04"), "application/zip", ""],
  [bytes("PK\x03\x04"), "constructor", ""],
  [
    bytes("PK\x03\x04"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "document application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  ],
  [bytes("\xd0\xcf\x11\xe0"), "application/msword", "document application/msword"],
  [bytes("MZ"), "application/msword", ""],
  [Buffer.alloc(0), "image/png", ""],
];

test("media are what both their bytes and their sender say", () => {
  for (const [body, header, wanted] of cases) {
    const seen = sniffMedia(body, header);
    const told = seen === undefined ? "" : `${seen.medium} ${seen.mediaType}`;
    assert.equal(told, wanted, `${body.toString("latin1")} as ${header}`);
  }
});

test("a URL's field is told as the caller wrote it", () => {
  const url = "https://x.test/a.png";
  const body = {
    messages: [
      { content: url },
      { content: [{ text: url }, { image_url: { detail: "low", url } }] },
      { content: [{ image_url: "https://x.test/b.png" }] },
    ],
    contents: [{ parts: [{ fileData: { fileUri: "gs://x" } }] }],
    note: "https://x.test/c",
  };
  assert.equal(findUrlField(body, url), "messages[1].content[1].image_url.url");
  assert.equal(findUrlField(body, "https://x.test/b.png"), "messages[2].content[0].image_url");
  assert.equal(findUrlField(body, "gs://x"), "contents[0].parts[0].fileData.fileUri");
  assert.equal(findUrlField(body, "https://x.test/c"), "note");
  assert.equal(findUrlField(body, "https://x.test/none"), "url");
});
