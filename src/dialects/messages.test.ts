/** Every kind has a message in both languages, and none shows what it must not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorKind, GatewayError, errorKinds } from "../core/errors.ts";
import { renderMessage } from "./messages.ts";
import { getDialect } from "./registry.ts";

const kinds = Object.keys(errorKinds) as ErrorKind[];

test("faults behind the gateway are told without their inner message", () => {
  const secret = "connect ECONNREFUSED 10.0.0.7:443 sk-secret";
  for (const kind of kinds.filter(
    (one) => errorKinds[one].blame !== "caller" && one !== "upstream_refused",
  ))
    for (const locale of ["en", "zh_CN"] as const) {
      const text = renderMessage(
        new GatewayError(kind, secret, { values: { model: "m", group: "g" } }),
        locale,
      );
      assert.ok(text.length > 0 && !text.includes("10.0.0.7"), `${kind} ${locale}: ${text}`);
    }
});

test("the message that started it all, word for word", () => {
  const error = new GatewayError("no_available_channel", "x", {
    values: { model: "claude4", group: "default" },
  });
  assert.equal(
    renderMessage(error, "en"),
    "No available channel for model claude4 in group default",
  );
  assert.equal(renderMessage(error, "zh_CN"), "当前分组 default 下对于模型 claude4 无可用渠道");
});

test("values are put in as they are, never read as templates", () => {
  const error = new GatewayError("no_available_channel", "x", {
    values: { model: "{group}$&", group: "g" },
  });
  assert.equal(renderMessage(error, "en"), "No available channel for model {group}$& in group g");
});

test("an error has OpenAI's four members in both places, and a wait where one helps", () => {
  const { renderError, renderErrorEvent } = getDialect("openai-chat");
  const telling = { locale: "en", requestId: "r1" } as const;
  for (const kind of kinds) {
    const error = new GatewayError(kind, "why", { fields: [{ field: "model", message: "why" }] });
    const reply = renderError(error, telling);
    assert.equal(reply.status, errorKinds[kind].status);
    const told = (JSON.parse(reply.body.toString()) as { error: Record<string, unknown> }).error;
    assert.deepEqual(Object.keys(told), ["message", "type", "param", "code", "request_id"]);
    assert.deepEqual([told["param"], told["code"]], ["model", kind]);
    assert.equal(renderErrorEvent(error, telling).toString(), `data: ${reply.body.toString()}\n\n`);
  }
  const away = renderError(new GatewayError("temporarily_unavailable", ""), telling);
  assert.equal(away.headers["retry-after"], "1");
  const limited = renderError(
    new GatewayError("rate_limit_exceeded", "", { retryAfterS: 2.2 }),
    telling,
  );
  assert.equal(limited.headers["retry-after"], "3");
});
