/** Sizes for vendors that know only ratios. */
import type { ImageRequest } from "../../wire/media.ts";

function valueOf(ratio: string): number {
  const [width = "1", height = "1"] = ratio.split(":");
  return Number(width) / Number(height);
}

/** The ratio out of a vendor's list that comes nearest to the size asked; null: none was asked. */
export function nearestRatio(size: ImageRequest["size"], ratios: readonly string[]): string | null {
  if (size === null) return null;
  const wanted = Math.log(size.width / size.height);
  const distance = (ratio: string): number => Math.abs(Math.log(valueOf(ratio)) - wanted);
  return ratios.toSorted((left, right) => distance(left) - distance(right))[0] ?? null;
}
