// `npm run build`: compiles src to dist, because Node strips no types from files under node_modules.
import { spawnSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const DIST = join(ROOT, "dist");

// A file that is gone from src must not live on in what is published.
rmSync(DIST, { recursive: true, force: true });
const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", join(ROOT, "tsconfig.build.json")], {
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);
// Whatever the code reads at run time from beside itself: tables, recorded replies, pages.
cpSync(join(ROOT, "src"), DIST, {
  recursive: true,
  filter: (path) => !/\.(test\.)?tsx?$|\.case$/.test(path),
});
