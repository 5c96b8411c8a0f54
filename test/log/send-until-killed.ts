// A leader that sends calls on with a pause before it remembers each batch: to be killed there. Argument: JSON of `dsn`
// and of the log store's `settings`.
import { setTimeout as sleep } from "node:timers/promises";
import type { LogStoreSettings } from "../../src/config/config.ts";
import { silentLogger } from "../../src/core/logger.ts";
import { sendCallsJobs } from "../../src/log/send-calls.ts";
import { takeLease } from "../../src/store/leases.ts";
import { openLogStore } from "../../src/store/log-store.ts";
import { openDsn } from "../store/open-fresh.ts";

const given = JSON.parse(process.argv[2] ?? "") as {
  readonly dsn: string;
  readonly settings: LogStoreSettings;
};
const database = await openDsn("postgres", given.dsn);
const lease = await takeLease(database.writes, "leader", "n2/1", 600_000);
if (lease === undefined) throw new Error("another leads");
const logStore = openLogStore(given.settings);
const slow = {
  ...logStore,
  insert: async (rows: string, signal?: AbortSignal): Promise<void> => {
    await logStore.insert(rows, signal);
    await sleep(500);
  },
};
const [send] = sendCallsJobs({ database, logger: silentLogger, logStore: slow });
await send?.run({ lease, signal: new AbortController().signal });
