/** The OpenAPI 3.1 document, made from the very schemas that check the requests. */
import { z } from "zod";
import type { JsonObject, Json } from "../core/json-value.ts";
import { problemSchema } from "./problem.ts";
import type { RouteSpec } from "./route-spec.ts";
import { waitQuery } from "./serve-route.ts";

/** Makes the document of all stated routes. */
export function makeOpenApi(routes: readonly RouteSpec[], version: string): JsonObject {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: { title: "Switchyard management API", version },
    servers: [{ url: "/" }],
    security: [{ managementToken: [] }],
    paths,
    components: {
      securitySchemes: { managementToken: { type: "http", scheme: "bearer" } },
      schemas: { Problem: jsonSchema(problemSchema, "output") },
    },
  };
}

function operation(route: RouteSpec): JsonObject {
  const write = route.method !== "GET";
  const success =
    route.method === "POST" && !/\/(test|upstream-models|disable|diff|apply)$/.test(route.path)
      ? "201"
      : "200";
  const body =
    route.method === "PATCH" && route.body instanceof z.ZodObject
      ? route.body.partial()
      : route.body;
  return {
    summary: route.summary,
    tags: [route.path.split("/")[2] ?? ""],
    description: route.roles.includes("anyone")
      ? "Open to anyone."
      : `Roles: ${route.roles.join(", ")}.`,
    ...(route.roles.includes("anyone") && { security: [] }),
    parameters: [
      ...pathParameters(route),
      ...queryParameters(route),
      ...(write ? ifMatch(route) : []),
    ],
    ...(write &&
      body !== undefined && {
        requestBody: {
          required: true,
          content: { "application/json": { schema: jsonSchema(body, "input") } },
        },
      }),
    responses: {
      [success]: {
        description: "Done",
        content: { "application/json": { schema: envelope(route, write) } },
      },
      default: {
        description: "Refused",
        content: {
          "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
        },
      },
    },
  };
}

function pathParameters(route: RouteSpec): JsonObject[] {
  return [...route.path.matchAll(/:(\w+)/g)].map((match) => ({
    name: match[1] ?? "",
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(route: RouteSpec): JsonObject[] {
  const shape = { ...route.query?.shape, ...(route.method === "GET" ? {} : waitQuery) };
  return Object.entries(shape).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema: jsonSchema(schema as z.ZodType, "input"),
  }));
}

function ifMatch(route: RouteSpec): JsonObject[] {
  const guarded =
    route.method === "PATCH" || (route.method === "DELETE" && !route.path.includes("/tokens/"));
  return guarded
    ? [
        {
          name: "If-Match",
          in: "header",
          required: false,
          description: "ETag of the object: 412 when it has changed",
          schema: { type: "string" },
        },
      ]
    : [];
}

function envelope(route: RouteSpec, write: boolean): JsonObject {
  const one = route.result === undefined ? { type: "object" } : jsonSchema(route.result, "output");
  const properties: Record<string, Json> = {
    data: route.list === true ? { type: "array", items: one } : one,
  };
  if (route.list === true) properties["nextCursor"] = { type: ["string", "null"] };
  if (write) {
    properties["revision"] = { type: "integer" };
    properties["converged"] = { type: "boolean" };
    properties["pending"] = { type: "array", items: { type: "string" } };
  }
  return { type: "object", required: ["data"], properties };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): JsonObject {
  const made = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  const { $schema: _dialect, $defs: _definitions, ...rest } = made as Record<string, Json>;
  return withoutReferences(rest) as JsonObject;
}

/** "Any JSON" refers to itself; it is written as the empty schema, since no place in this document has definitions. */
function withoutReferences(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutReferences);
  if (typeof value !== "object" || value === null) return value;
  if (Object.hasOwn(value, "$ref")) return {};
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, withoutReferences(member)]),
  );
}
