/** Faults of money of accounts: what One Hub and its kin did, and what would make a balance lie. */
import type { Killer, Mutant } from "./planted-tree.ts";

const stored = (test: string): Killer => ({
  file: "src/store/accounts.test.ts",
  test: `accounts on sqlite > ${test}`,
});
const asked = (test: string): Killer => ({ file: "src/admin/accounts.test.ts", test });

export const accountFaults: readonly Mutant[] = [
  {
    name: "one-hub: a code is redeemed by all who ask at the same time",
    edits: [
      {
        file: "src/store/redemption-codes.ts",
        find: '    .where("status", "=", "enabled")\n    .where("redeemed_at", "is", null)\n',
        replace: '    .where("status", "=", "enabled")\n',
      },
    ],
    killers: [
      stored(
        "turns a code into money once, of 100 who try at the same time over three connections",
      ),
      asked("codes: made in batches, shown once, redeemed once: sqlite"),
    ],
  },
  {
    name: "a credit moves the balance each time it is sent",
    edits: [
      {
        file: "src/store/balances.ts",
        find: "  if (!isNew) return false;\n",
        replace: "",
      },
    ],
    killers: [
      stored("counts parallel credits each once, whatever connection they come by"),
      stored("grants both rewards once, and finds those that were not granted"),
      asked("credits move the balance once and stay in the ledger: sqlite"),
    ],
  },
  {
    name: "what was spent is taken out once more",
    edits: [
      {
        file: "src/store/balances.ts",
        find: '  if (left < 0n) throw new BalanceRefusal("too-little", left - amount);\n',
        replace: "",
      },
    ],
    killers: [stored("puts in and takes out to the nano-dollar, and never more than is left")],
  },
  {
    name: "what nodes have spent and not handed in counts as left",
    edits: [
      {
        file: "src/store/budgets.ts",
        find: "return row.settled + (row.leased ?? 0n);",
        replace: "return row.settled;",
      },
    ],
    killers: [stored("puts in and takes out to the nano-dollar, and never more than is left")],
  },
  {
    name: "nobody counts guesses at codes",
    edits: [
      {
        file: "src/store/redemption-codes.ts",
        find: 'eb("attempts", "<", limit)',
        replace: 'eb("attempts", ">=", 0)',
      },
    ],
    killers: [
      stored("bounds attempts per subject and minute, also of those at the same time"),
      asked("guesses at codes are bounded per account, good codes are not"),
    ],
  },
  {
    name: "promotion undoes what an operator decided",
    edits: [
      {
        file: "src/admin/credits/promote.ts",
        find: "  if (isNew.length > 0) await moveUp",
        replace: "  if (isNew.length >= 0) await moveUp",
      },
    ],
    killers: [asked("credit brings an account into a better group, once: sqlite")],
  },
  {
    name: "one-hub: promotion moves users of any group",
    edits: [
      {
        file: "src/admin/credits/promote.ts",
        find: 'return rung === undefined ? group === "default" : rung.at < to.at;',
        replace: "return rung === undefined || rung.at < to.at;",
      },
    ],
    killers: [asked("credit brings an account into a better group, once: sqlite")],
  },
  {
    name: "one-hub: admins give money to themselves and their equals",
    edits: [
      {
        file: "src/admin/credits/credit.ts",
        find: "  if (outranks(managerOf(request), user.role)) return user;\n",
        replace: '  if (outranks(managerOf(request), "member")) return user;\n',
      },
    ],
    killers: [asked("who may credit whom, and whose entries anybody sees")],
  },
  {
    name: "members read each other's entries",
    edits: [
      {
        file: "src/admin/credits/routes.ts",
        find: '  if (manager.role === "member" && Number(accountId) !== manager.userId)\n',
        replace: '  if (manager.role === "member" && accountId === 0n)\n',
      },
    ],
    killers: [asked("who may credit whom, and whose entries anybody sees")],
  },
  {
    name: "members make their own keys cheaper",
    edits: [
      {
        file: "src/admin/keys/routes.ts",
        find: "    checkMemberRatio(write);\n",
        replace: "",
      },
    ],
    killers: [asked("who may credit whom, and whose entries anybody sees")],
  },
  {
    name: "rewards that were cut off are never granted",
    edits: [
      {
        file: "src/admin/keep-accounts.ts",
        find: "      await rewardAll(parts);\n",
        replace: "",
      },
    ],
    killers: [asked("invitations reward both sides once, by what stood in the settings: sqlite")],
  },
];
