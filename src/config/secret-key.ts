/** The root secret of an embedded install: made once, kept in the data folder, readable by its owner alone. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  fsyncSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { messageOf } from "../core/errors.ts";
import type { Config } from "./config.ts";
import { ConfigFaults } from "./read-config.ts";
import { makeId } from "../core/ids.ts";
import type { RandomBytes } from "../core/ids.ts";
import { systemRandom } from "../core/ids.ts";

/**
 * The configured secret, or the one of `DATA_DIR/secret-key`, which is made where there is none.
 * `made` tells that it is new, so that the operator can be told to back it up. Throws when the file is unreadable or too short.
 */
export function loadSecretKey(
  config: Pick<Config, "secretKey" | "dataDir">,
  random: RandomBytes = systemRandom,
): { readonly secretKey: string; readonly made: boolean; readonly path: string | undefined } {
  if (config.secretKey !== undefined)
    return { secretKey: config.secretKey, made: false, path: undefined };
  const path = secretKeyFile(config);
  const { made, secretKey } = inFolder(config.dataDir, () => {
    mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
    return { made: makeFile(path, random), secretKey: readFileSync(path, "utf8").trim() };
  });
  if (secretKey.length < 16)
    throw new Error(
      `${path} holds fewer than 16 characters; restore it from a backup, or set SECRET_KEY`,
    );
  return { secretKey, made, path };
}

/** What the disk refuses is the setting's fault, and told like one. */
function inFolder<T>(dataDir: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const message = `the folder ${dataDir} cannot be used (${messageOf(error)}); name one that this process may write`;
    throw new ConfigFaults([{ name: "DATA_DIR", message }]);
  }
}

/** Where an embedded install keeps its secret. */
export function secretKeyFile(config: Pick<Config, "dataDir">): string {
  return join(config.dataDir, "secret-key");
}

/** Links a finished file into place: never a half-written secret, and of two processes at once one wins. */
function makeFile(path: string, random: RandomBytes): boolean {
  if (existsSync(path)) return false;
  const draft = `${path}.${makeId(6, random)}`;
  const file = openSync(draft, "wx", 0o600);
  try {
    writeSync(file, `${makeId(32, random)}\n`);
    fsyncSync(file);
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    closeSync(file);
    rmSync(draft, { force: true });
  }
}
