/** The reference at `/api/docs`: one plain page made from the stated routes, which loads nothing from elsewhere. */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { AdminReply } from "./admin-route.ts";
import type { RouteSpec } from "./route-spec.ts";

const style = `body{font:15px/1.6 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1c1f23;background:#fff}
h2{margin:2rem 0 .5rem}h3{font:600 1rem ui-monospace,monospace;margin:1.2rem 0 .2rem}table{border-collapse:collapse}td,th{text-align:left;padding:.1rem .8rem .1rem 0;vertical-align:top}code{font-family:ui-monospace,monospace}
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181b}a{color:#8ab4f8}}`;

/** Renders the page as a reply. */
export function renderReferencePage(routes: readonly RouteSpec[]): AdminReply {
  const nouns = [...new Set(routes.map((route) => nounOf(route)))];
  const sections = nouns.map((noun) =>
    section(
      noun,
      routes.filter((route) => nounOf(route) === noun),
    ),
  );
  const body = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Management API</title><style>${style}</style></head>
<body><h1>Management API</h1>
<p>JSON over HTTP with <code>Authorization: Bearer &lt;management token&gt;</code>. Writes answer with their <code>revision</code>; <code>?wait=converged&amp;timeout=5s</code> waits for every live node. Errors are problem details with a stable <code>code</code>. The same as OpenAPI 3.1: <a href="/api/openapi.json">/api/openapi.json</a>.</p>
<p>${nouns.map((noun) => `<a href="#${noun}">${noun}</a>`).join(" · ")}</p>
${sections.join("\n")}</body></html>
`;
  const hash = createHash("sha256").update(style).digest("base64");
  return {
    status: 200,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; frame-ancestors 'none'`,
      "x-content-type-options": "nosniff",
    },
    body,
  };
}

function nounOf(route: RouteSpec): string {
  return route.path.split("/")[2] ?? "";
}

function section(noun: string, routes: readonly RouteSpec[]): string {
  return `<h2 id="${noun}">${noun}</h2>${routes.map(entry).join("")}`;
}

function entry(route: RouteSpec): string {
  const parts = [
    `<h3>${route.method} ${escapeHtml(route.path)}</h3><p>${escapeHtml(route.summary)}. Roles: ${route.roles.join(", ")}.</p>`,
    fields("Query", route.query),
    fields("Body", route.body),
  ];
  return parts.join("");
}

function fields(title: string, schema: z.ZodType | undefined): string {
  if (!(schema instanceof z.ZodObject)) return "";
  const rows = Object.entries(schema.shape).map(
    ([name, field]) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(typeText(field as z.ZodType))}</td></tr>`,
  );
  return rows.length === 0
    ? ""
    : `<table><tr><th>${title}</th><th></th></tr>${rows.join("")}</table>`;
}

/** The field's JSON Schema in few words. */
function typeText(schema: z.ZodType): string {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  const optional = schema.safeParse(undefined).success;
  const start = json.default === undefined ? "" : `, default ${JSON.stringify(json.default)}`;
  return `${typeName(json)}${optional ? "" : ", required"}${start}`;
}

function typeName(json: z.core.JSONSchema.BaseSchema): string {
  if (json.enum !== undefined) return json.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (json.const !== undefined) return JSON.stringify(json.const);
  const options = json.anyOf ?? json.oneOf;
  if (options !== undefined) return options.map((option) => typeName(option)).join(" | ");
  if (json.type === "array")
    return `${typeName((json.items ?? {}) as z.core.JSONSchema.BaseSchema)}[]`;
  return String(json.type ?? "any");
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
