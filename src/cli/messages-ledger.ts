/** Help and messages of `ledger verify` and `ledger reconcile`, in both languages. */

export const englishLedger = {
  "command.ledger": "check what was charged",
  "command.ledgerVerify":
    "compare rows of calls, sums, entries, budgets and balances; names every difference",
  "command.ledgerReconcile": "compare a vendor's usage export with what its calls were booked at",
  "flag.ledgerFrom": "first UTC day (default: the oldest)",
  "flag.ledgerTo": "last UTC day (default: the newest)",
  "flag.reconcileFile": "the vendor's export, CSV with columns of day, model, and cost or tokens",
  "flag.reconcileChannel": "only calls of this channel",
  "flag.reconcileTolerance": "dollars that a day and model may differ by (default 0.005)",
  "flag.reconcileDate": "name of the column with the day",
  "flag.reconcileModel": "name of the column with the model",
  "flag.reconcileCost": "name of the column with the dollars",
  "note.ledgerAgrees": "all views of the money agree ({days} days, budgets, balances)",
  "note.ledgerReconciled": "{rows} days and models agree within {tolerance} dollars",
  "fault.ledgerDiffers": "the ledger has {count} differences",
  "fault.reconcileDiffers": "{count} days and models differ",
  "fault.reconcileColumns":
    "{file} has no column for {missing}; its columns are: {columns} (--date-column, --model-column, --cost-column)",
  "fault.reconcileLine": "{file}, line {line}: {what}",
  "fault.ledgerDay": "{flag} must be a day such as 2026-11-23, not {value}",
} as const;

export const chineseLedger: Readonly<Record<keyof typeof englishLedger, string>> = {
  "command.ledger": "核对费用",
  "command.ledgerVerify": "比对调用记录、汇总、分录、预算与余额，逐项列出差异",
  "command.ledgerReconcile": "将供应商的用量导出与其调用的入账成本比对",
  "flag.ledgerFrom": "起始 UTC 日期（默认：最早的一天）",
  "flag.ledgerTo": "截止 UTC 日期（默认：最新的一天）",
  "flag.reconcileFile": "供应商导出的 CSV，含日期、模型以及费用或令牌列",
  "flag.reconcileChannel": "仅此渠道的调用",
  "flag.reconcileTolerance": "每日每模型允许相差的美元（默认 0.005）",
  "flag.reconcileDate": "日期列的名称",
  "flag.reconcileModel": "模型列的名称",
  "flag.reconcileCost": "费用（美元）列的名称",
  "note.ledgerAgrees": "各处金额一致（{days} 天、预算、余额）",
  "note.ledgerReconciled": "{rows} 个日期与模型在 {tolerance} 美元内一致",
  "fault.ledgerDiffers": "账本有 {count} 处差异",
  "fault.reconcileDiffers": "{count} 个日期与模型不一致",
  "fault.reconcileColumns":
    "{file} 缺少 {missing} 列；现有列：{columns}（--date-column、--model-column、--cost-column）",
  "fault.reconcileLine": "{file} 第 {line} 行：{what}",
  "fault.ledgerDay": "{flag} 必须是形如 2026-11-23 的日期，而不是 {value}",
};
