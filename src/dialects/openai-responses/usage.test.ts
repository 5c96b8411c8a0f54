/** Usage as it is really told, in disjoint buckets, and back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bareUsage } from "../../../test/fakes/bare-usage.ts";
import fastCheck from "fast-check";
import { decodeUsage, encodeUsage } from "./usage.ts";

test("what vendors tell", () => {
  const usage = {
    input_tokens: 100,
    input_tokens_details: {
      cached_tokens: 40,
      cache_write_tokens: 10,
      cache_write_tokens_details: { ttl_30m_tokens: 4, ttl_12h_tokens: 6 },
    },
    output_tokens: 20,
    output_tokens_details: { reasoning_tokens: 15 },
    total_tokens: 120,
  };
  const told = decodeUsage({ usage, tool_usage: { web_search: { num_requests: 2 } } });
  assert.deepEqual(told?.raw, { ...usage, tool_usage: { web_search: { num_requests: 2 } } });
  assert.deepEqual(bareUsage(told), {
    input: 50,
    cacheRead: 40,
    cacheWrite5m: 4,
    cacheWrite1h: 6,
    output: 20,
    reasoning: 15,
    estimated: false,
    kinds: { webSearches: 2 },
  });
  assert.deepEqual(encodeUsage(told), usage);
  assert.equal(decodeUsage({ usage: null }), null);
  assert.equal(decodeUsage({ usage: { input_tokens: 0, output_tokens: 0 } }), null);
  assert.equal(decodeUsage({ usage: { input_tokens: "9", output_tokens: -1 } }), null);
  const apart = { input_tokens: 5, output_tokens: 1, input_tokens_details: { cached_tokens: 9 } };
  assert.equal(decodeUsage({ usage: apart })?.input, 5);
});

test("no token is counted twice or lost on the way back", () => {
  const tokens = fastCheck.nat(1_000_000);
  const property = fastCheck.property(
    fastCheck.tuple(tokens, tokens, tokens, tokens),
    fastCheck.tuple(tokens, tokens),
    ([input, cacheRead, cacheWrite5m, cacheWrite1h], [answer, reasoning]) => {
      const output = answer + reasoning;
      const usage = {
        input,
        cacheRead,
        cacheWrite5m,
        cacheWrite1h,
        output,
        reasoning,
        estimated: false,
      };
      const told = encodeUsage(usage);
      fastCheck.pre(input + cacheRead + cacheWrite5m + cacheWrite1h + output > 0);
      assert.equal(told["total_tokens"], input + cacheRead + cacheWrite5m + cacheWrite1h + output);
      assert.deepEqual(bareUsage(decodeUsage({ usage: told })), usage);
    },
  );
  fastCheck.assert(property);
});
