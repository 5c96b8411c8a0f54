/** Holds every manifest to the same rules: addresses, settings, credentials, dialects. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sampleSettings } from "../../test/providers/sample-settings.ts";
import { findEmbeddingCodec } from "../dialects/embedding-registry.ts";
import { findMediaCodec } from "../dialects/media-registry.ts";
import { findDialect, findUpstreamCodec } from "../dialects/registry.ts";
import type { Endpoint, Provider } from "./contract.ts";
import { placeholder, settingsOf } from "./fill-template.ts";
import { findProvider, providers } from "./registry.ts";

function endpointsOf(provider: Provider): readonly Endpoint[] {
  return Object.values(provider.endpoints).flat();
}

/** Every text of a manifest in which placeholders may stand. */
function templatesOf(provider: Provider): readonly string[] {
  return [
    provider.defaultBaseUrl ?? "",
    provider.models?.path ?? "",
    provider.models?.baseUrl ?? "",
    ...endpointsOf(provider).flatMap(({ path, streamPath = "", baseUrl = "" }) => [
      path,
      streamPath,
      baseUrl,
    ]),
  ];
}

test("ids are unique, lower case and found again", () => {
  assert.equal(new Set(providers.map(({ id }) => id)).size, providers.length);
  assert.equal(new Set(providers.map(({ label }) => label)).size, providers.length);
  for (const provider of providers) {
    assert.match(provider.id, /^[a-z][a-z0-9-]{0,63}$/);
    assert.equal(findProvider(provider.id), provider);
  }
  assert.equal(findProvider("no-such-vendor"), undefined);
  assert.equal(findProvider("toString"), undefined);
  assert.ok(providers.length > 60);
});

for (const provider of providers)
  describe(provider.id, () => {
    test("serves something, by paths below its base URL", () => {
      assert.ok(endpointsOf(provider).length > 0);
      for (const { path, streamPath = path, models } of endpointsOf(provider)) {
        for (const one of [path, streamPath]) assert.match(one, /^\/[\w{}:./?=&-]+$/);
        assert.notDeepEqual(models, []);
      }
    });

    test("can be called for each operation: by its own API, or translated into it", () => {
      for (const [operation, endpoints] of Object.entries(provider.endpoints))
        for (const { dialect } of endpoints) {
          const passes = findDialect(dialect) !== undefined;
          const translated = [findUpstreamCodec, findMediaCodec, findEmbeddingCodec].some(
            (find) => find(dialect) !== undefined,
          );
          assert.ok(passes || translated, `${operation}: ${dialect}`);
        }
    });

    test("is reached by https, or on this machine", () => {
      const { defaultBaseUrl, credentialRequired } = provider;
      if (defaultBaseUrl === null) return;
      const bases = [defaultBaseUrl, ...endpointsOf(provider).map(({ baseUrl }) => baseUrl)];
      for (const base of bases) {
        if (base === undefined) continue;
        const url = new URL(base.replaceAll(placeholder, "x"));
        assert.ok(!base.endsWith("/"), base);
        assert.equal(url.search + url.hash + url.username, "", base);
        const local = url.hostname === "127.0.0.1";
        assert.equal(url.protocol, local ? "http:" : "https:", base);
        assert.equal(credentialRequired, !local);
      }
    });

    test("has every placeholder declared, and every setting used", () => {
      const { settings = [], derived = {} } = provider;
      const given = settings.map(({ key, default: usual }) => [
        key,
        usual ?? sampleSettings[key] ?? "x",
      ]);
      const known = settingsOf(provider, Object.fromEntries(given));
      const used = templatesOf(provider).flatMap((text) =>
        [...text.matchAll(placeholder)].map(([, name = ""]) => name),
      );
      // The last four are put in by media codecs and the table of public paths.
      const own = ["model", "modelPath", "credential", "voice", "task", "target", "action"];
      for (const name of used) assert.ok(own.includes(name) || name in known, `{${name}}`);
      const elsewhere = [
        ...Object.values(derived).flatMap((rule) => [rule.setting]),
        // Read where the credential is put on: upstream/authorizer.ts.
        "region",
        "tokenUrl",
        "authority",
        "scope",
        "keyHeader",
        // Read by the dialects of speech.
        "voices",
      ];
      for (const { key } of settings) assert.ok([...used, ...elsewhere].includes(key), key);
    });

    test("takes only setting values that stay where they stand", () => {
      for (const { key, pattern, default: usual, required, choices } of provider.settings ?? []) {
        assert.ok(pattern.startsWith("^") && pattern.endsWith("$"), key);
        const expression = new RegExp(pattern);
        if (usual !== undefined) assert.match(usual, expression);
        if (required) assert.match(sampleSettings[key] ?? usual ?? "", expression);
        for (const choice of choices ?? []) assert.match(choice, expression);
        for (const bad of [
          "",
          "a@b",
          "a#b",
          "a?b",
          "a b",
          "a\n",
          "../x",
          "a\\b",
          "%2e",
          "a.com/@b",
        ])
          assert.doesNotMatch(bad, expression, `${key} takes ${JSON.stringify(bad)}`);
        const urls = ["tokenUrl", "authority", "scope"];
        if (urls.includes(key)) assert.doesNotMatch("http://example.com", expression);
        else assert.doesNotMatch("a/b", expression);
      }
    });

    test("names its documentation, and where its models are listed", () => {
      assert.match(provider.docs ?? "", /^https:\/\/[^ ]+$/);
      if (provider.models !== undefined) assert.match(provider.models.path, /^\/[\w/?=&-]+$/);
    });

    test("needs an Anthropic version where it speaks that API", () => {
      const bodies = endpointsOf(provider).filter(
        ({ dialect }) => dialect === "anthropic-messages",
      );
      for (const endpoint of bodies) {
        const inBody = endpoint.add?.["anthropic_version"] !== undefined;
        assert.ok(inBody || provider.headers?.["anthropic-version"] === "2023-06-01");
        if (endpoint.path.includes("{model}")) assert.ok(endpoint.omit?.includes("model"));
      }
    });
  });
