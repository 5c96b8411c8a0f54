// A certificate authority of a test's own and a server certificate from it, written out in DER,
// because Node can read certificates but not make them and not every machine has openssl.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { chownSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { serverAccount } from "./instance-folder.ts";

/** Whether a server offers encryption or refuses to talk without it. */
export type TlsMode = "offered" | "required";

/** PEM texts: the authority to trust, and the server's certificate and key. */
export interface Certificate {
  ca: string;
  cert: string;
  key: string;
}

/** What a certificate is for; by default this machine's loopback names, from yesterday for a month. */
export interface CertificateOptions {
  names?: readonly string[];
  notBefore?: Date;
  notAfter?: Date;
}

const DAY_MS = 86_400_000;

/** Makes a new authority and a server certificate signed by it. */
export function makeCertificate(options: CertificateOptions = {}): Certificate {
  const names = options.names ?? ["localhost", "127.0.0.1", "::1"];
  const validity = sequence(
    time(options.notBefore ?? new Date(Date.now() - DAY_MS)),
    time(options.notAfter ?? new Date(Date.now() + 30 * DAY_MS)),
  );
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = { name: "Switchyard test authority", keys: authority };
  const ca = certificate({
    subject: issuer.name,
    key: authority.publicKey,
    issuer,
    validity,
    extensions: caExtensions(),
  });
  const extensions = serverExtensions(names);
  const cert = certificate({
    subject: names[0] ?? "localhost",
    key: server.publicKey,
    issuer,
    validity,
    extensions,
  });
  return { ca, cert, key: String(server.privateKey.export({ type: "pkcs8", format: "pem" })) };
}

/** Writes a new certificate into a server's folder, readable for the account it runs under. */
export function writeCertificate(
  folder: string,
  names?: readonly string[],
): {
  ca: string;
  caFile: string;
  certFile: string;
  keyFile: string;
} {
  const { ca, cert, key } = makeCertificate(names === undefined ? {} : { names });
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    // PostgreSQL refuses a key that others may read.
    writeFileSync(path, text, { mode: name === "server.key" ? 0o600 : 0o644 });
    const account = serverAccount();
    if (account !== undefined) chownSync(path, account.uid, account.gid);
    return path;
  };
  return {
    ca,
    caFile: write("ca.pem", ca),
    certFile: write("server.pem", cert),
    keyFile: write("server.key", key),
  };
}

interface CertificateParts {
  subject: string;
  key: KeyObject;
  issuer: { name: string; keys: { publicKey: KeyObject; privateKey: KeyObject } };
  validity: Buffer;
  extensions: readonly Buffer[];
}

// X.509 v3, RFC 5280 §4.1.
function certificate({ subject, key, issuer, validity, extensions }: CertificateParts): string {
  const algorithm = sequence(oid("1.2.840.10045.4.3.2")); // ecdsa-with-SHA256
  const keyIds = [
    extension("2.5.29.14", tag(0x04, keyId(key))),
    extension("2.5.29.35", sequence(tag(0x80, keyId(issuer.keys.publicKey)))),
  ];
  const body = sequence(
    tag(0xa0, tag(0x02, Buffer.from([2]))),
    tag(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    algorithm,
    commonName(issuer.name),
    validity,
    commonName(subject),
    key.export({ type: "spki", format: "der" }),
    tag(0xa3, sequence(...keyIds, ...extensions)),
  );
  const signature = sign("sha256", body, issuer.keys.privateKey);
  const der = sequence(body, algorithm, bits(signature));
  const lines = der.toString("base64").replaceAll(/.{64}/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`;
}

function caExtensions(): Buffer[] {
  return [
    extension("2.5.29.19", sequence(TRUE), { critical: true }), // basicConstraints: CA
    extension("2.5.29.15", tag(0x03, Buffer.from([1, 0x06])), { critical: true }), // keyUsage: certificates, lists
  ];
}

function serverExtensions(names: readonly string[]): Buffer[] {
  const alternatives = names.map((name) =>
    isIP(name) === 0 ? tag(0x82, Buffer.from(name, "ascii")) : tag(0x87, addressBytes(name)),
  );
  return [
    extension("2.5.29.17", sequence(...alternatives)), // subjectAltName
    extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"))), // extendedKeyUsage: server
  ];
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  // The URL parser writes every spelling of an IPv6 address in one way.
  const [head = "", tail = ""] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const zeros = 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: zeros }, () => "0"), ...groups(tail)];
  return Buffer.from(all.map((group) => group.padStart(4, "0")).join(""), "hex");
}

const TRUE = tag(0x01, Buffer.from([0xff]));

function extension(id: string, value: Buffer, { critical = false } = {}): Buffer {
  return sequence(oid(id), ...(critical ? [TRUE] : []), tag(0x04, value));
}

function keyId(key: KeyObject): Buffer {
  return createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
}

function commonName(name: string): Buffer {
  return sequence(tag(0x31, sequence(oid("2.5.4.3"), tag(0x0c, Buffer.from(name)))));
}

function time(date: Date): Buffer {
  // GeneralizedTime is for 2050 and later; before that UTCTime is prescribed.
  const text = date.toISOString().replaceAll(/\.\d+|[-:T]/g, "");
  return text < "2050" ? tag(0x17, Buffer.from(text.slice(2))) : tag(0x18, Buffer.from(text));
}

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tag(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const high = Math.floor(value / 128);
  return high === 0 ? [value] : [...base128(high).map((byte) => byte | 0x80), value % 128];
}

function bits(content: Buffer): Buffer {
  return tag(0x03, Buffer.concat([Buffer.from([0]), content]));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tag(0x30, Buffer.concat(parts));
}

function tag(type: number, content: Buffer): Buffer {
  const size = content.length;
  if (size < 128) return Buffer.concat([Buffer.from([type, size]), content]);
  const length = Buffer.from(size.toString(16).padStart(size > 255 ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.from([type, 0x80 | length.length]), length, content]);
}
