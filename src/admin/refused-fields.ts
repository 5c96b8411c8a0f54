/** Fields that clients may know from the plan but that would be ignored: refused by name until they are enforced. */
import type { LaterFields } from "./parse-fields.ts";
import { notEnforced, readOnly } from "./parse-fields.ts";

/** Members of every configuration object that the gateway sets itself. */
export const ownFields: LaterFields = {
  id: readOnly,
  rev: readOnly,
  createdAt: readOnly,
  updatedAt: readOnly,
};

/** Names of a noun's fields that are planned, on top of {@link ownFields}. */
export function laterFields(...names: readonly string[]): LaterFields {
  return { ...ownFields, ...Object.fromEntries(names.map((name) => [name, notEnforced])) };
}
