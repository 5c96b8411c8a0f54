/**
 * Credentials on requests, token exchanges over real HTTP: the token endpoint checks the claim's signature, audience and
 * times as Google does, and the form as Entra ID does.
 */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../core/clock.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Behaviour, FakeUpstream } from "../../test/fakes/upstream.ts";
import { hang, json, openFakeUpstream, reply } from "../../test/fakes/upstream.ts";
import type { Authorizer, AuthScheme } from "./authorizer.ts";
import { makeAuthorizer } from "./authorizer.ts";
import type { UpstreamRequest } from "./upstream.ts";
import { makeUpstream } from "./upstream.ts";

const call: UpstreamRequest = {
  method: "POST",
  url: "https://vendor.example/v1/x",
  headers: {},
  body: Buffer.from("{}"),
  proxy: null,
  timeouts: {},
};

/** The machine's clock, which a test can put forward. */
function shiftedClock(): Clock & { shift(ms: number): void } {
  let aheadMs = 0;
  return {
    now: () => systemClock.now() + aheadMs,
    monotonic: () => systemClock.monotonic() + aheadMs,
    after: systemClock.after,
    shift: (ms) => void (aheadMs += ms),
  };
}

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
const email = "gateway@my-project.iam.gserviceaccount.com";
const google: AuthScheme = { kind: "google" };
const azure: AuthScheme = { kind: "azure", scope: "https://cognitiveservices.azure.com/.default" };

function account(more: object = {}): string {
  return JSON.stringify({
    type: "service_account",
    client_email: email,
    private_key_id: "key-7",
    private_key: privateKey,
    token_uri: "https://oauth2.googleapis.com/token",
    ...more,
  });
}

let endpoint: FakeUpstream;
let tokenUrl: string;
let authority: string;
before(async () => {
  endpoint = await openFakeUpstream(hang);
  authority = `http://127.0.0.1:${endpoint.port}`;
  tokenUrl = `${authority}/token`;
});
after(() => endpoint.close());

/** One authorizer with its own connections. */
async function within(
  work: (authorizer: Authorizer, clock: ReturnType<typeof shiftedClock>) => Promise<void>,
): Promise<void> {
  const clock = shiftedClock();
  const upstream = makeUpstream({ clock });
  try {
    await work(makeAuthorizer({ upstream, clock }), clock);
  } finally {
    await upstream.close();
  }
}

function part(text: string | undefined): Record<string, unknown> {
  return JSON.parse(Buffer.from(text ?? "", "base64url").toString()) as Record<string, unknown>;
}

/** Checks as Google's endpoint does (developers.google.com/identity/protocols/oauth2/service-account). */
function googleEndpoint(issue: (count: number) => object, nowMs: () => number): Behaviour {
  let count = 0;
  return (request, response) => {
    const refuse = (reason: string): void =>
      void reply(
        JSON.stringify({ error: "invalid_grant", error_description: reason }),
        {},
        400,
      )(request, response);
    const form = new URLSearchParams(request.body.toString());
    if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer")
      return refuse("wrong grant type");
    const [head, claims, signature] = (form.get("assertion") ?? "").split(".");
    const signed = Buffer.from(`${head}.${claims}`);
    const bytes = Buffer.from(signature ?? "", "base64url");
    if (!verify("RSA-SHA256", signed, createPublicKey(publicKey), bytes))
      return refuse("Invalid JWT Signature.");
    assert.deepEqual(part(head), { alg: "RS256", typ: "JWT", kid: "key-7" });
    const { iss, aud, scope, iat, exp } = part(claims);
    if (iss !== email || aud !== tokenUrl) return refuse("wrong issuer or audience");
    if (scope !== "https://www.googleapis.com/auth/cloud-platform") return refuse("wrong scope");
    const nowS = nowMs() / 1000;
    if (typeof iat !== "number" || Math.abs(iat - nowS) > 300) return refuse("wrong iat");
    if (exp !== iat + 3600) return refuse("wrong exp");
    count += 1;
    return json(issue(count))(request, response);
  };
}

const hourly = (count: number): object => ({
  access_token: `ya29.token-${count}`,
  expires_in: 3599,
  token_type: "Bearer",
});

async function rejected(promise: unknown): Promise<GatewayError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    return error;
  }
  throw new Error("it was not refused");
}

test("keys travel in their header, at once, and an empty one not at all", async () => {
  await within(async ({ authorize }) => {
    const cases: readonly (readonly [AuthScheme, string, Record<string, string>, object])[] = [
      [{ kind: "bearer" }, "k", {}, { authorization: "Bearer k" }],
      [{ kind: "bearer" }, "", {}, {}],
      [{ kind: "header", name: "x-api-key" }, "k", {}, { "x-api-key": "k" }],
      [{ kind: "authorization", word: "Token" }, "k", {}, { authorization: "Token k" }],
      [{ kind: "choice", setting: "h" }, "k", {}, { authorization: "Bearer k" }],
      [
        { kind: "choice", setting: "h" },
        "k",
        { h: "authorization" },
        { authorization: "Bearer k" },
      ],
      [{ kind: "choice", setting: "h" }, "k", { h: "api-key" }, { "api-key": "k" }],
      [{ kind: "aws-sigv4", service: "bedrock" }, "k", {}, { authorization: "Bearer k" }],
      [google, "AIzaKey", {}, { "x-goog-api-key": "AIzaKey" }],
      [azure, "key", {}, { "api-key": "key" }],
      [google, "", {}, {}],
    ];
    for (const [auth, secret, settings, headers] of cases)
      assert.deepEqual(authorize(call, auth, secret, settings), headers, JSON.stringify(auth));
  });
});

describe("a Google service account", () => {
  test("is exchanged once for all calls that wait, and again shortly before the token ends", async () => {
    await within(async ({ authorize }, clock) => {
      const seen = endpoint.requests.length;
      endpoint.behave(googleEndpoint(hourly, clock.now));
      const put = (): unknown => authorize(call, google, account(), { tokenUrl });
      const all = await Promise.all(Array.from({ length: 50 }, put));
      for (const headers of all)
        assert.deepEqual(headers, { authorization: "Bearer ya29.token-1" });
      clock.shift(3599_000 - 301_000);
      assert.deepEqual(put(), { authorization: "Bearer ya29.token-1" }, "kept, and told at once");
      clock.shift(2_000);
      assert.deepEqual(await put(), { authorization: "Bearer ya29.token-2" });
      assert.equal(endpoint.requests.length - seen, 2);
    });
  });

  test("whose token is refused gets a new one, but not again and again", async () => {
    await within(async ({ authorize, refused }, clock) => {
      endpoint.behave(googleEndpoint(hourly, clock.now));
      const put = (): unknown => authorize(call, google, account(), { tokenUrl });
      await put();
      assert.equal(refused(google, account(), { tokenUrl }), false, "just issued");
      clock.shift(60_000);
      assert.equal(refused(google, account(), { tokenUrl }), true);
      assert.equal(refused(google, account(), { tokenUrl }), false, "none is left");
      assert.deepEqual(await put(), { authorization: "Bearer ya29.token-2" });
      assert.equal(refused({ kind: "bearer" }, "k", {}), false);
    });
  });

  test("goes to Google or where the channel's setting says, never where its JSON says", async () => {
    await within(async ({ authorize }) => {
      const seen = endpoint.requests.length;
      for (const uri of [
        tokenUrl,
        "http://oauth2.googleapis.com/token",
        "https://evil.example/token",
        "https://googleapis.com.evil.example/token",
        "https://evilgoogleapis.com/token",
        "https://x@oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com:444/token",
        7,
      ]) {
        const error = await rejected(authorize(call, google, account({ token_uri: uri }), {}));
        assert.equal(error.kind, "upstream_auth");
        assert.match(error.message, /token_uri is not Google's: set tokenUrl/);
      }
      assert.equal(endpoint.requests.length, seen);
    });
  });

  test("that cannot be read or is refused is told, without its key", async () => {
    await within(async ({ authorize }, clock) => {
      endpoint.behave(googleEndpoint(hourly, clock.now));
      const other = generateKeyPairSync("rsa", {
        modulusLength: 2048,
        privateKeyEncoding: { type: "pkcs8", format: "pem" },
        publicKeyEncoding: { type: "spki", format: "pem" },
      }).privateKey;
      for (const [secret, message] of [
        ["{", /begins like JSON but is none/],
        ["{}", /client_email or private_key is missing/],
        [account({ private_key: "-----BEGIN PRIVATE KEY-----\nhunter2\n" }), /cannot be read/],
        [account({ private_key: other }), /\(400\): invalid_grant: Invalid JWT Signature\./],
      ] as const) {
        const error = await rejected(authorize(call, google, secret, { tokenUrl }));
        assert.equal(error.kind, "upstream_auth");
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /hunter2|BEGIN/);
      }
    });
  });

  test("keeps its token while a new one cannot be had", async () => {
    await within(async ({ authorize }, clock) => {
      endpoint.behave(googleEndpoint(hourly, clock.now));
      const put = (): unknown => authorize(call, google, account(), { tokenUrl });
      await put();
      endpoint.behave(reply("<html>", {}, 503));
      clock.shift(3400_000);
      assert.deepEqual(await put(), { authorization: "Bearer ya29.token-1" });
      clock.shift(300_000);
      assert.equal((await rejected(put())).kind, "upstream_failed");
      endpoint.behave(googleEndpoint(() => ({ access_token: "later" }), clock.now));
      assert.deepEqual(await put(), { authorization: "Bearer later" });
    });
  });

  test("meets endpoints that answer nonsense", async () => {
    await within(async ({ authorize }) => {
      for (const [behaviour, kind] of [
        [reply("{}"), "upstream_auth"],
        [reply("[]"), "upstream_auth"],
        [reply("not JSON"), "upstream_auth"],
        [json({ access_token: 5 }), "upstream_auth"],
        [reply(" ".repeat(100_000)), "upstream_invalid"],
        [reply("", { location: "http://127.0.0.1:1/" }, 302), "upstream_auth"],
      ] as const) {
        endpoint.behave(behaviour);
        const put = authorize(call, google, account(), { tokenUrl });
        assert.equal((await rejected(put)).kind, kind);
      }
      const nowhere = authorize(call, google, account(), { tokenUrl: "http://127.0.0.1:1/token" });
      assert.equal((await rejected(nowhere)).kind, "upstream_unreachable");
      const metadata = { tokenUrl: "http://169.254.169.254/token" };
      assert.match(
        (await rejected(authorize(call, google, account(), metadata))).message,
        /metadata address/,
      );
    });
  });
});

describe("an application of Entra ID", () => {
  const secret = "contoso.onmicrosoft.com|client-1|s3~cr.et|with-a-bar";

  test("is exchanged at its tenant's endpoint, once for all calls that wait", async () => {
    await within(async ({ authorize }, clock) => {
      const seen = endpoint.requests.length;
      endpoint.behave((request, response) => {
        assert.equal(request.path, "/contoso.onmicrosoft.com/oauth2/v2.0/token");
        assert.deepEqual(Object.fromEntries(new URLSearchParams(request.body.toString())), {
          grant_type: "client_credentials",
          client_id: "client-1",
          client_secret: "s3~cr.et|with-a-bar",
          scope: "https://cognitiveservices.azure.com/.default",
        });
        return json({ token_type: "Bearer", expires_in: 100, access_token: "eyJ.entra" })(
          request,
          response,
        );
      });
      const put = (): unknown => authorize(call, azure, secret, { authority });
      const all = await Promise.all([put(), put(), put()]);
      for (const headers of all) assert.deepEqual(headers, { authorization: "Bearer eyJ.entra" });
      assert.equal(endpoint.requests.length - seen, 1);
      clock.shift(51_000);
      await put();
      assert.equal(endpoint.requests.length - seen, 2, "a short token is renewed at half its life");
    });
  });

  test("has a token for each scope, authority and secret", async () => {
    await within(async ({ authorize }) => {
      endpoint.behave((request, response) => {
        const form = new URLSearchParams(request.body.toString());
        const token = `${request.path} ${form.get("scope")} ${form.get("client_secret")}`;
        return json({ access_token: token, expires_in: 3600 })(request, response);
      });
      const put = async (text: string, settings: Record<string, string>): Promise<string> =>
        String((await authorize(call, azure, text, { authority, ...settings }))["authorization"]);
      const tokens = [
        await put("t|c|a", {}),
        await put("t|c|b", {}),
        await put("u|c|a", {}),
        await put("t|c|a", { scope: "https://cognitiveservices.azure.cn/.default" }),
      ];
      assert.equal(new Set(tokens).size, 4);
      assert.match(tokens[3] ?? "", /azure\.cn/);
    });
  });

  test("that is refused is told in the endpoint's words; a tenant cannot be a path", async () => {
    await within(async ({ authorize }) => {
      const seen = endpoint.requests.length;
      const said = "AADSTS7000215: Invalid client secret provided.";
      endpoint.behave(
        reply(JSON.stringify({ error: "invalid_client", error_description: said }), {}, 401),
      );
      const error = await rejected(authorize(call, azure, secret, { authority }));
      assert.equal(error.kind, "upstream_auth");
      assert.match(error.message, /\(401\): invalid_client: AADSTS7000215/);
      for (const tenant of ["../x", "a/b", "a?b", "", "a#b", "a@b"]) {
        const bad = await rejected(authorize(call, azure, `${tenant}|c|s`, { authority }));
        assert.match(bad.message, /no tenant/);
      }
      assert.equal(endpoint.requests.length - seen, 1);
    });
  });
});
