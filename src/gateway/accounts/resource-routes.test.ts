// The table of paths holds together, and every row of it can be asked of some vendor.
import assert from "node:assert/strict";
import { test } from "node:test";
import { noChannelOptions } from "../../sync/entities.ts";
import { endpointsOf } from "../../providers/address-channel.ts";
import { providers } from "../../providers/registry.ts";
import { findResourceRoute, resourceRoutes } from "./resource-routes.ts";

test("each row's ids stand in its path and in what is asked of the vendor", () => {
  for (const row of resourceRoutes) {
    const name = `${row.dialect} ${row.method} ${row.path}`;
    const inPath = row.path.match(/:[ab]\b/g) ?? [];
    const inTail = row.tail.match(/\{[ab]\}/g) ?? [];
    assert.equal(inPath.length, row.ids.length, name);
    assert.equal(
      inTail.length,
      row.does === "list" || row.ids.length === 0 ? 0 : row.ids.length,
      name,
    );
    assert.equal(findResourceRoute(row.dialect, row.method, row.path), row, name);
    assert.equal(row.body === "none", row.method === "GET" || row.method === "DELETE", name);
  }
});

test("what is listed can be made and asked for by its id", () => {
  for (const row of resourceRoutes.filter(({ does }) => does === "list")) {
    const { dialect, path } = row;
    assert.equal(findResourceRoute(dialect, "POST", path)?.does, "make", path);
    assert.notEqual(findResourceRoute(dialect, "GET", `${path}/:a`), undefined, path);
  }
});

test("some provider serves every row", () => {
  const channel = { baseUrl: null, options: noChannelOptions };
  for (const { dialect, operation, path } of resourceRoutes) {
    const asked = operation === "responses" ? "chat" : operation;
    const serving = providers.filter((provider) =>
      endpointsOf(provider, channel, asked).some((endpoint) => endpoint.dialect === dialect),
    );
    assert.ok(serving.length > 0, `${dialect} ${path}`);
  }
});
