/** HTTP statuses that MiniMax's own codes stand for: it tells them in `base_resp` under a status of success. */

/** platform.minimax.io/docs/api-reference/errorcode, autumn 2026 */
const statuses: Readonly<Record<number, number>> = {
  1001: 504,
  1002: 429,
  1004: 401,
  1008: 402,
  1026: 400,
  1027: 400,
  1039: 429,
  1042: 400,
  2013: 400,
  2049: 401,
};

export function minimaxStatus(code: number): number {
  return statuses[code] ?? 500;
}
