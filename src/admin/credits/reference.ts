/** What makes a request one, however often it is sent. */
import { z } from "zod";
import type { AdminParts } from "../admin-parts.ts";
import { makeSecret } from "../make-secret.ts";
import { invalid, parseFields } from "../parse-fields.ts";
import type { ActRequest } from "../route-spec.ts";
import { referenceField } from "./schema.ts";

/** The field, or the header `Idempotency-Key`, which say the same; undefined: neither was sent. */
export function referenceOf(request: ActRequest, field: string | undefined): string | undefined {
  const header = request.idempotencyKey;
  if (header === undefined) return field;
  const { key } = parseFields(z.object({ key: referenceField }), { key: header });
  if (field === undefined || field === key) return key;
  throw invalid([{ field: "reference", message: "must be the Idempotency-Key, or be left out" }]);
}

/** Of a request that names none: it is another each time. */
export function anyReference({ random }: Pick<AdminParts, "random">): string {
  return makeSecret(24, random);
}
