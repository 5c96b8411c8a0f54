/**
 * The one table of messages that callers read, by kind and language. `{name}` stands for one of the error's values.
 * Promise kept here: no message tells what lies behind the gateway (hosts, accounts, causes); those are logged.
 */
import type { ErrorKind, GatewayError } from "../core/errors.ts";
import type { Locale } from "./contract.ts";

const messages: Readonly<Record<ErrorKind, Readonly<Record<Locale, string>>>> = {
  invalid_request: { en: "{detail}", zh_CN: "请求无效：{detail}" },
  invalid_api_key: { en: "Invalid API key", zh_CN: "无效的令牌" },
  key_expired: { en: "This API key has expired", zh_CN: "令牌已过期" },
  key_disabled: { en: "This API key is disabled", zh_CN: "令牌状态不可用" },
  unauthorized: { en: "Authentication is required", zh_CN: "需要身份验证" },
  forbidden: { en: "{detail}", zh_CN: "禁止访问：{detail}" },
  ip_not_allowed: {
    en: "IP {address} is not allowed to access",
    zh_CN: "IP {address} 不允许访问",
  },
  model_not_allowed: {
    en: "This key may not call model {model}",
    zh_CN: "当前令牌不支持模型 {model}",
  },
  group_not_available: {
    en: "Group {group} does not exist or is disabled",
    zh_CN: "分组 {group} 不存在",
  },
  channel_not_available: {
    en: "Channel {channel} does not exist or is disabled",
    zh_CN: "渠道 {channel} 不存在或已被禁用",
  },
  model_not_found: { en: "Model {model} does not exist", zh_CN: "模型 {model} 不存在" },
  previous_response_not_found: {
    en: "Previous response with id '{id}' not found.",
    zh_CN: "未找到 id 为 '{id}' 的前一个响应。",
  },
  not_found: { en: "{detail}", zh_CN: "未找到：{detail}" },
  method_not_allowed: { en: "{detail}", zh_CN: "不支持该请求方法：{detail}" },
  request_timeout: { en: "The request took too long to arrive", zh_CN: "请求接收超时" },
  conflict: { en: "{detail}", zh_CN: "冲突：{detail}" },
  precondition_failed: { en: "{detail}", zh_CN: "前提条件不满足：{detail}" },
  request_too_large: { en: "{detail}", zh_CN: "请求体过大：{detail}" },
  validation_failed: { en: "{detail}", zh_CN: "校验失败：{detail}" },
  rate_limit_exceeded: {
    en: "{detail}",
    zh_CN: "您的速率达到上限，请稍后再试（{detail}）",
  },
  insufficient_quota: { en: "{detail}", zh_CN: "额度不足：{detail}" },
  model_not_priced: {
    en: "Model {model} has no price, so it cannot be called with a budget; an operator can set one",
    zh_CN: "模型 {model} 未设置价格，有预算的调用方无法使用；请联系管理员设置价格",
  },
  not_metered: { en: "{detail}", zh_CN: "无法计量：{detail}" },
  caller_gone: { en: "The caller closed the connection", zh_CN: "客户端已断开连接" },
  internal: { en: "Internal error", zh_CN: "内部错误" },
  no_available_channel: {
    en: "No available channel for model {model} in group {group}",
    zh_CN: "当前分组 {group} 下对于模型 {model} 无可用渠道",
  },
  temporarily_unavailable: {
    en: "The gateway cannot serve this now; try again",
    zh_CN: "网关暂时不可用，请稍后重试",
  },
  setup_required: { en: "This gateway has not been set up yet", zh_CN: "网关尚未完成初始化设置" },
  upstream_unreachable: {
    en: "The upstream could not be reached",
    zh_CN: "请求上游地址失败",
  },
  upstream_timeout: { en: "The upstream did not answer in time", zh_CN: "上游响应超时" },
  upstream_invalid: {
    en: "The upstream sent a reply that could not be understood",
    zh_CN: "上游返回了无法识别的响应",
  },
  upstream_truncated: {
    en: "The upstream broke off before its reply was complete",
    zh_CN: "上游响应中断，内容不完整",
  },
  upstream_auth: {
    en: "The upstream refused the gateway's own credential; this is not the caller's key",
    zh_CN: "上游拒绝了网关的凭证（与调用方令牌无关）",
  },
  upstream_overloaded: {
    en: "The upstream is overloaded; try again later",
    zh_CN: "上游负载已饱和，请稍后再试",
  },
  upstream_failed: { en: "The upstream failed", zh_CN: "上游服务出错" },
  upstream_refused: { en: "{detail}", zh_CN: "上游拒绝了请求：{detail}" },
};

/** The message of an error in a language; its own (English) message where a value for the template is lacking. */
export function renderMessage(error: GatewayError, locale: Locale): string {
  const values: Readonly<Record<string, string>> = { detail: error.message, ...error.values };
  const template = messages[error.kind][locale];
  const lacking = template
    .matchAll(/\{(\w+)\}/g)
    .some(([, name = ""]) => values[name] === undefined);
  if (lacking) return error.message;
  return template.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => values[name] ?? "");
}
