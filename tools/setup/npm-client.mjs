// npm, run for the set-up: with the user's registry, proxy and cache, without the settings that would break it.
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import process from "node:process";
import { KEPT } from "../../bin/kept-node.js";
import { SetupError } from "./setup-error.mjs";
import { noteHelper } from "./setup-lock.mjs";

// Each stands against a setting in somebody's ~/.npmrc or environment, or a flag of the npm that called us.
const FLAGS = [
  "--ignore-scripts",
  "--include=dev",
  "--include=optional",
  "--engine-strict=false",
  "--global=false",
  "--dry-run=false",
  "--package-lock=true",
  "--package-lock-only=false",
  "--install-strategy=hoisted",
  "--bin-links=true",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  "--loglevel=warn",
];

// Of the settings that an outer npm hands down, only those that say how to reach a registry. Everything else
// describes the outer command: `npm --prefix DIR start` would make the inner npm work in DIR.
const NETWORK =
  /^npm_config_(registry|.*:registry|\/\/.*|ca|cafile|cert|key|.*proxy|strict_ssl|fetch_.*|maxsockets|userconfig|globalconfig|cache|offline|local_address|_auth.*)$/i;

/** `npm ci` in a folder, under the given Node. Call it under the set-up lock. */
export async function npmInstall(folder, node) {
  // What is in the cache is as good as the registry: the lock has its checksum. An old index in the cache can
  // lack a version, so the second try asks again; that also gets over a connection that broke.
  const attempts = ["--prefer-offline", "--prefer-online"];
  for (const [index, freshness] of attempts.entries()) {
    const code = await runNpm(["ci", ...FLAGS, freshness, "--prefix", folder], folder, node);
    if (code === 0) return;
    if (index === attempts.length - 1)
      throw new SetupError(`npm ci failed in ${folder}; its own words are above`);
    process.stderr.write("switchyard: npm failed, trying once more\n");
  }
}

function runNpm(npmArguments, folder, node) {
  const script = findNpmScript();
  const [program, leading] = script === undefined ? ["npm", []] : [node, [script]];
  const child = spawn(program, [...leading, ...npmArguments], {
    cwd: folder,
    env: npmEnvironment(node),
    stdio: ["ignore", 2, 2],
    shell: script === undefined && process.platform === "win32",
  });
  if (child.pid !== undefined) noteHelper(child.pid);
  const stopPassing = endWithChild(child);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => {
      stopPassing();
      reject(
        new SetupError(`cannot run npm (${error.message}); install npm, it comes with Node.js`),
      );
    });
    child.once("exit", (code) => {
      stopPassing();
      resolve(code ?? 1);
    });
  });
}

/** Who stops the set-up stops npm with it; the lock is released on our way out, the next run repairs the rest. */
function endWithChild(child) {
  const signals = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 };
  const handlers = Object.entries(signals).map(([signal, code]) => {
    const handler = () => {
      child.kill("SIGTERM");
      child.once("exit", () => process.exit(code));
    };
    process.on(signal, handler);
    return () => process.off(signal, handler);
  });
  return () => handlers.forEach((remove) => remove());
}

function npmEnvironment(node) {
  const env = { ...process.env, PATH: [dirname(node), process.env.PATH ?? ""].join(delimiter) };
  for (const name of Object.keys(env)) {
    if (/^npm_/i.test(name) && !NETWORK.test(name)) delete env[name];
  }
  delete env.NODE_ENV;
  // npm looks for the machine's settings beside the Node that runs it; ours has none.
  env.npm_config_globalconfig ??= join(dirname(dirname(process.execPath)), "etc", "npmrc");
  if (!hasWritableHome()) env.npm_config_cache = join(KEPT, "npm-cache");
  return env;
}

function hasWritableHome() {
  try {
    accessSync(homedir(), constants.W_OK);
    return homedir() !== "";
  } catch {
    return false;
  }
}

/** npm's own script, to be run by any Node: from the npm that called us, beside the running Node, or in PATH. */
function findNpmScript() {
  const called = process.env.npm_execpath;
  if (called !== undefined && basename(called) === "npm-cli.js" && existsSync(called))
    return called;
  const folder = dirname(realpathSync(process.execPath));
  const beside = ["../lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js"];
  const found = beside.map((path) => join(folder, path)).find((path) => existsSync(path));
  return found ?? fromPath();
}

function fromPath() {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const link = join(folder, "npm");
    if (!existsSync(link)) continue;
    const target = realpathSync(link);
    // A version manager's shim is no script that another Node could run; then `npm` is called by name.
    if (target.endsWith(".js")) return target;
  }
  return undefined;
}
