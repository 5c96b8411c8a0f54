/** OpenAI's Python client, as its users write it, against a real gateway: text, streaming, tools, embeddings, models, errors. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openVendor } from "./vendor.ts";
import { channelTo, write } from "./cluster.ts";
import { rootKey, startNode } from "./nodes.ts";

const python = process.env["TEST_PYTHON"];
const script = join(dirname(fileURLToPath(import.meta.url)), "python-sdk.py");

test(
  "the official Python client",
  {
    skip:
      python === undefined ? "TEST_PYTHON is not set (a Python with the openai package)" : false,
    timeout: 60_000,
  },
  async () => {
    const upstream = await openVendor();
    try {
      await using node = await startNode();
      await write(
        node,
        "POST",
        "/api/channels",
        channelTo(upstream, ["gpt-4o", "text-embedding-3-small"]),
      );
      await write(node, "POST", "/api/models", { model: "gpt-4o", owner: "acme" });
      const { stdout } = await promisify(execFile)(
        python ?? "",
        [script, `${node.url}/v1`, rootKey],
        { timeout: 50_000 },
      );
      const told = JSON.parse(stdout) as Record<string, unknown>;
      assert.equal(typeof told["text"], "string");
      assert.ok((told["text"] as string).length > 0);
      assert.ok((told["streamed"] as string).length > 0);
      assert.ok((told["usage"] as number) > 0, "the stream's usage was asked for and came");
      assert.ok((told["dimensions"] as number) > 0);
      assert.equal(told["owner"], "acme");
      assert.equal(told["unknown_model"], "no_available_channel");
      assert.equal(told["bad_key"], "invalid_api_key");
    } finally {
      await upstream.close();
    }
  },
);
