/**
 * `npm run bench [-- calls translated propagation channels limits money settlement scan memory] [--quick|--full]`: measured side by side in one run, printed as
 * a table and kept as JSON in bench/results/. Load goes to loopback only and is bounded in time.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchCalls, type Figure } from "./calls.ts";
import { benchChannels } from "./channels.ts";
import { benchLimits } from "./limits.ts";
import { benchMemory } from "./memory.ts";
import { benchMoney } from "./money.ts";
import { benchPropagation } from "./propagation.ts";
import { benchScan } from "./scan.ts";
import { benchSettlement } from "./settlement.ts";
import { benchTranslated } from "./translated.ts";

const wanted = process.argv.slice(2);
const quick = wanted.includes("--quick");
const full = wanted.includes("--full");

const parts: Readonly<Record<string, () => Promise<Figure[]>>> = {
  calls: () => benchCalls(quick ? { rounds: 1, seconds: 5 } : { rounds: 3, seconds: 8 }),
  translated: () => benchTranslated({ rounds: quick ? 1 : 5 }),
  propagation: () => benchPropagation(quick ? 50 : 500),
  channels: () => benchChannels(10_000),
  limits: () => benchLimits(),
  money: () => benchMoney({ turns: quick ? 4 : 20 }),
  settlement: () =>
    benchSettlement({
      seconds: quick ? 4 : 10,
      entries: full ? 1_000_000 : quick ? 20_000 : 100_000,
    }),
  scan: () => benchScan(quick ? { rows: 100_000, seconds: 5 } : { rows: 1_000_000, seconds: 10 }),
  memory: () => benchMemory(full ? 10 : 1),
};

function row(figure: Figure): string {
  const value = Number.isInteger(figure.value)
    ? String(figure.value)
    : figure.value.toFixed(figure.value < 10 ? 2 : 1);
  return `${figure.name.padEnd(72)}${value.padStart(10)} ${figure.unit.padEnd(10)}${figure.aim === undefined ? "" : `aim ${figure.aim}`}`;
}

const named = wanted.filter((word) => !word.startsWith("--"));
const unknown = named.filter((name) => parts[name] === undefined);
if (unknown.length > 0) {
  console.error(`unknown part ${unknown.join(", ")}: choose from ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}

const figures: Figure[] = [];
for (const [name, measure] of Object.entries(parts)) {
  if (named.length > 0 && !named.includes(name)) continue;
  console.log(`\n${name}`);
  const measured = await measure();
  figures.push(...measured);
  for (const figure of measured) console.log(row(figure));
}

const folder = join(dirname(fileURLToPath(import.meta.url)), "results");
mkdirSync(folder, { recursive: true });
const result = {
  at: new Date().toISOString(),
  node: process.version,
  cores: cpus().length,
  cpu: cpus()[0]?.model,
  figures,
};
const file = join(folder, `${result.at.replaceAll(":", "-")}.json`);
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
console.log(`\nkept in bench/results/`);
process.exit(0);
