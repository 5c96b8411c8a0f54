/** Help and messages of `prices import`, in both languages. */

export const englishPrices = {
  "verb.priceImport": "take prices over from a list: show what would change, then apply it",
  "argument.priceSource": "builtin (genai-prices), litellm or one-hub",
  "argument.priceDocument":
    "the list's file; - reads standard input; builtin needs none, or takes a newer file of its form",
  "flag.importProvider":
    "vendor, as the list names it, whose prices count although others make the models; may be repeated",
  "flag.importModels": "take only this model name or prefix*; may be repeated",
  "flag.importChannel":
    "id of a channel to make rows for, from the vendor that it pays; may be repeated",
  "flag.importSide": "charge (what callers pay; the default) or cost (what you pay)",
  "flag.quotaPerUnit": "One Hub's QuotaPerUnit (default 500000)",
  "flag.importYes": "apply what is shown",
  "flag.importDigest": "apply only if the diff is still the one with this digest",
  "note.priceDiff":
    "{added} to add, {changed} to change, {removed} to remove, {kept} left alone, {unchanged} as they are",
  "note.priceMore": "… and {count} more; -o json shows all",
  "note.priceKept": "{model}: left alone, {reason} ({by})",
  "note.priceKeptOperator": "an operator wrote it",
  "note.priceKeptLocked": "it is locked",
  "note.priceKeptCovered": "an operator priced its prefix",
  "note.priceRemoved": "{model}: the row from {from} goes, the list no longer has it",
  "note.priceMissing": "{count} models of this source are no longer listed and stay: {models}",
  "note.priceRemark": "{vendor} {models}: {field}: {effect}: {reason}",
  "note.pricePassedOver":
    "{count} entries of vendors that sell what others make were passed over (--provider, --channel)",
  "note.priceDigest": "digest: {digest}",
  "note.priceNothing": "Nothing to change.",
  "note.priceConfirm": "Nothing is written yet. Apply it with --yes, or with --digest {digest}",
  "note.priceApplied": "{added} added, {changed} changed, {removed} removed.",
  "fault.priceDigest": "the diff is not the one with this digest any more; look at it again",
  "fault.priceDocument": "the source {source} needs the file of its list",
} as const;

export const chinesePrices: Readonly<Record<keyof typeof englishPrices, string>> = {
  "verb.priceImport": "从价格表导入价格：先显示将有哪些变化，再应用",
  "argument.priceSource": "builtin（genai-prices）、litellm 或 one-hub",
  "argument.priceDocument":
    "价格表文件；- 读取标准输入；builtin 不需要文件，也可给出同格式的新文件",
  "flag.importProvider": "价格表中的厂商名：即使模型由别家制作，也采用它的价格；可重复",
  "flag.importModels": "只导入该模型名或 prefix*；可重复",
  "flag.importChannel": "为该渠道 id 单独建立价格，取自它付费的厂商；可重复",
  "flag.importSide": "charge（调用方支付，默认）或 cost（你的成本）",
  "flag.quotaPerUnit": "One Hub 的 QuotaPerUnit（默认 500000）",
  "flag.importYes": "应用所显示的变化",
  "flag.importDigest": "仅当差异仍是该摘要对应的差异时才应用",
  "note.priceDiff":
    "新增 {added}，修改 {changed}，删除 {removed}，保留不动 {kept}，已一致 {unchanged}",
  "note.priceMore": "……另有 {count} 项；-o json 显示全部",
  "note.priceKept": "{model}：保留不动，{reason}（{by}）",
  "note.priceKeptOperator": "由管理员填写",
  "note.priceKeptLocked": "已锁定",
  "note.priceKeptCovered": "管理员已为其前缀定价",
  "note.priceRemoved": "{model}：自 {from} 起的价格将删除，价格表中已没有它",
  "note.priceMissing": "此来源的 {count} 个模型已不在价格表中，予以保留：{models}",
  "note.priceRemark": "{vendor} {models}：{field}：{effect}：{reason}",
  "note.pricePassedOver": "略过转售厂商的 {count} 个条目（--provider、--channel 可采用）",
  "note.priceDigest": "摘要：{digest}",
  "note.priceNothing": "没有变化。",
  "note.priceConfirm": "尚未写入。用 --yes 应用，或用 --digest {digest}",
  "note.priceApplied": "已新增 {added}，修改 {changed}，删除 {removed}。",
  "fault.priceDigest": "差异已不是该摘要对应的差异，请重新查看",
  "fault.priceDocument": "来源 {source} 需要价格表文件",
};
