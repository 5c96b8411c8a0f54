/**
 * Signatures against vectors that AWS publishes: "AWS Signature Version 4 Test Suite" (Copyright 2019 Amazon.com, Inc.,
 * Apache-2.0), as shipped with botocore 1.44.5. A vector is its folder there: the request and the signature of it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GatewayError } from "../../core/errors.ts";
import { AwsSigner } from "./sign-aws.ts";

interface Vector {
  readonly name: string;
  readonly method?: "POST";
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
  readonly signed?: string;
  readonly signature: string;
}

const unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const vectors: readonly Vector[] = [
  {
    name: "get-vanilla",
    signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
  },
  {
    name: "get-vanilla-query-order-key-case",
    path: "/?Param2=value2&Param1=value1",
    signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
  },
  {
    name: "get-vanilla-query-order-value",
    path: "/?Param1=value2&Param1=value1",
    signature: "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
  },
  {
    name: "get-vanilla-query-unreserved",
    path: `/?${unreserved}=${unreserved}`,
    signature: "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
  },
  {
    name: "get-unreserved",
    path: `/${unreserved}`,
    signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
  },
  {
    name: "get-header-value-trim",
    headers: { "my-header1": " value1", "my-header2": ' "a   b   c"' },
    signed: "host;my-header1;my-header2;x-amz-date",
    signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
  },
  {
    name: "get-vanilla-with-session-token",
    token: "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
    signed: "host;x-amz-date;x-amz-security-token",
    signature: "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
  },
  {
    name: "post-vanilla",
    method: "POST",
    signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
  },
  {
    name: "post-vanilla-query",
    method: "POST",
    path: "/?Param1=value1",
    signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
  },
  {
    name: "post-header-value-case",
    method: "POST",
    headers: { "my-header1": "VALUE1" },
    signed: "host;my-header1;x-amz-date",
    signature: "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
  },
];

const clock = {
  now: () => Date.parse("2015-08-30T12:36:00Z"),
  monotonic: () => 0,
  after: () => () => undefined,
};
const credential = "AKIDEXAMPLE|wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const target = { service: "service", region: "us-east-1" };

for (const vector of vectors)
  test(vector.name, async () => {
    const { method = "GET", path = "/", headers = {}, token, signature } = vector;
    const url = `https://example.amazonaws.com${path}`;
    const secret = token === undefined ? credential : `${credential}|${token}`;
    const signed = await new AwsSigner(clock).sign(
      { method, url, body: null },
      secret,
      target,
      headers,
    );
    assert.equal(
      signed["authorization"],
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
        `SignedHeaders=${vector.signed ?? "host;x-amz-date"}, Signature=${signature}`,
    );
    assert.equal(signed["x-amz-date"], "20150830T123600Z");
    assert.equal(signed["x-amz-security-token"], token);
  });

test("another body, day or region has another signature, with the same signer", async () => {
  const signer = new AwsSigner(clock);
  const sign = async (body: string, region: string): Promise<string | undefined> => {
    const request = { method: "POST", url: "https://example.amazonaws.com/", body } as const;
    return (
      await signer.sign({ ...request, body: Buffer.from(body) }, credential, { ...target, region })
    )["authorization"];
  };
  const all = [
    await sign("a", "us-east-1"),
    await sign("b", "us-east-1"),
    await sign("a", "eu-west-1"),
  ];
  assert.equal(new Set(all).size, 3);
  assert.equal(await sign("a", "us-east-1"), all[0]);
});

test("half a credential and a missing region are told without the secret", async () => {
  const request = { method: "POST", url: "https://example.amazonaws.com/", body: null } as const;
  for (const [secret, region] of [
    ["AKID|", "us-east-1"],
    ["|hunter2", "us-east-1"],
    ["AKID|hunter2", undefined],
  ] as const)
    await assert.rejects(
      new AwsSigner(clock).sign(request, secret, { service: "bedrock", region }),
      (error) =>
        error instanceof GatewayError &&
        error.kind === "upstream_auth" &&
        !error.message.includes("hunter2"),
    );
});
