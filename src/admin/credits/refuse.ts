/** What a balance does not allow, in the management API's words. */
import { GatewayError } from "../../core/errors.ts";
import { formatDollars } from "../../core/money.ts";
import { BalanceRefusal } from "../../store/balances.ts";

/** Runs a posting; what the balance refuses becomes `conflict`. */
export async function refusing<T>(post: () => Promise<T>): Promise<T> {
  try {
    return await post();
  } catch (error) {
    throw error instanceof BalanceRefusal ? refused(error) : error;
  }
}

function refused({ why, available }: BalanceRefusal): GatewayError {
  const message =
    why === "too-little"
      ? `must not take out more than is left: ${formatDollars(available)} dollars`
      : "would make the balance larger than 9000000000 dollars";
  return new GatewayError("conflict", `amount ${message}`, {
    fields: [{ field: "amount", message }],
  });
}
