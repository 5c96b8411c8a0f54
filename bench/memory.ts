/** Memory over a steady load: flat means that the second half grows by little against the first. */
import { rootKey, startNode } from "../test/e2e/nodes.ts";
import { type Figure, prepareGateway } from "./calls.ts";
import { openCannedUpstream } from "./canned-upstream.ts";
import { openLoop } from "./load.ts";
import { openFiles, residentMb } from "./pinned.ts";

/** 200 calls a second, half of them streams, for `minutes`. */
export async function benchMemory(minutes: number): Promise<Figure[]> {
  const upstream = await openCannedUpstream();
  await using node = await startNode({ env: { LOG_LEVEL: "warn" } });
  try {
    await prepareGateway(node, upstream.port);
    const base = {
      port: node.port,
      path: "/v1/chat/completions",
      headers: { authorization: `Bearer ${rootKey}` },
    };
    const body = '{"model":"bench-model","messages":[{"role":"user","content":"hi"}]}';
    const samples: number[] = [];
    let calls = 0;
    for (let slice = 0; slice < minutes * 6; slice += 1) {
      const [plain, streamed] = await Promise.all([
        openLoop({ ...base, body }, 150, 10),
        openLoop({ ...base, body: `${body.slice(0, -1)},"stream":true}` }, 20, 10),
      ]);
      if (plain.faults + streamed.faults > 0) throw new Error("calls failed under a steady load");
      calls += plain.calls + streamed.calls;
      samples.push(residentMb(node.pid));
    }
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    const third = Math.ceil(samples.length / 3);
    return [
      { name: `steady load, ${minutes} min, calls`, value: calls, unit: "calls" },
      {
        name: "resident memory, second third",
        value: mean(samples.slice(third, 2 * third)),
        unit: "MB",
      },
      {
        name: "resident memory, last third",
        value: mean(samples.slice(2 * third)),
        unit: "MB",
        aim: "flat",
      },
      { name: "open files at the end", value: openFiles(node.pid), unit: "files" },
    ];
  } finally {
    upstream.server.close();
  }
}
