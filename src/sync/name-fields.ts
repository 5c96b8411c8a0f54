/** Rules of the names that several nouns share, so that a model or a group means the same everywhere. */
import { z } from "zod";

/** Group symbols: what `groups` of a channel and `group` of a key name. */
export const groupSymbol = z
  .string()
  .regex(
    /^[^\s,"\\]{1,64}$/u,
    "must be 1 to 64 characters without spaces, commas, quotes or backslashes",
  );

/** A model's name, or `prefix*` for all names that begin so. */
export const modelPattern = z
  .string()
  .min(1, "must not be empty")
  .max(256, "must have at most 256 characters")
  .regex(/^[^*\p{Cc}]*\*?$/u, "must be a model name or `prefix*`")
  .refine((name) => name.trim() === name, "must not begin or end with a space");

/** A model's name, no wildcard. */
export const modelName = modelPattern.refine(
  (name) => !name.endsWith("*"),
  "must not be a wildcard",
);

/** Names that people give things. */
export const displayName = z
  .string()
  .min(1, "must not be empty")
  .max(191, "must have at most 191 characters");

export const statusField = z.enum(["enabled", "disabled"]);
