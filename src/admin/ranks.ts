/** Who stands above whom: root over all, admin over members. Nobody manages their equals but root. */
import type { Manager } from "../auth/authenticate-manager.ts";

/** Whether a manager may manage accounts of a role (other than their own). */
export function outranks(manager: Pick<Manager, "role">, role: string): boolean {
  return manager.role === "root" || (manager.role === "admin" && role === "member");
}
