/**
 * Reply bodies of vendors' packages, where the checkout has them next to it (`../shared/fixtures/vendor`).
 * Payloads of streams stand one a line; the tests put them into the framing of their vendor.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface VendorBodies {
  /** Whole replies. */
  readonly whole: readonly { readonly name: string; readonly text: string }[];
  /** Streams, each as its payloads. */
  readonly streams: readonly { readonly name: string; readonly payloads: readonly string[] }[];
}

/** All bodies of a package (`cohere`, `amazon-bedrock`); undefined where the checkout has none. */
export function loadVendorBodies(vendor: string): VendorBodies | undefined {
  const folder = fileURLToPath(
    new URL(`../../../shared/fixtures/vendor/${vendor}/`, import.meta.url),
  );
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder).toSorted();
  const read = (name: string): string => readFileSync(folder + name, "utf8");
  return {
    whole: names
      .filter((name) => name.endsWith(".json"))
      .map((name) => ({ name, text: read(name) })),
    streams: names
      .filter((name) => name.endsWith(".chunks.txt"))
      .map((name) => ({ name, payloads: read(name).split("\n").filter(Boolean) })),
  };
}
