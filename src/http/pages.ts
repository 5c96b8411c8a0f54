/** The two plain pages: whether this node is ready, and the form of the first start. Nothing is loaded from elsewhere. */
import { createHash } from "node:crypto";

export interface Page {
  readonly html: string;
  /** Content-Security-Policy that lets exactly this page's own style and script run. */
  readonly policy: string;
}

const style = `body{font:16px/1.6 system-ui,sans-serif;margin:12vh auto;max-width:34rem;padding:0 1rem;color:#1c1f23;background:#fff}
h1{font-size:1.4rem}input,button{font:inherit;padding:.4rem .6rem;margin:.2rem 0}code{word-break:break-all}
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#16181b}}`;

const script = `const form=document.querySelector("form"),out=document.querySelector("output");
form.addEventListener("submit",async event=>{event.preventDefault();
const token=decodeURIComponent(location.hash.slice(1)),username=form.username.value;
const reply=await fetch("/api/setup",{method:"POST",headers:{"content-type":"application/json"},body:JSON.stringify({token,username})});
const body=await reply.json().catch(()=>({}));
if(reply.ok){form.hidden=true;history.replaceState(null,"","/setup");
out.textContent="Management token, shown only this once / 管理令牌，仅显示这一次：";
const code=document.createElement("code");code.textContent=body.data.token;out.append(document.createElement("br"),code)}
else out.textContent=[body.detail||body.title||reply.status,...(body.errors||[]).map(e=>e.field+": "+e.message)].join(" — ")});`;

function page(title: string, body: string, withScript: boolean): Page {
  const hash = createHash("sha256").update(script).digest("base64");
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escapeHtml(title)}</title><style>${style}</style></head>
<body>${body}${withScript ? `<script>${script}</script>` : ""}</body></html>
`;
  const styleHash = createHash("sha256").update(style).digest("base64");
  const scripts = withScript ? `script-src 'sha256-${hash}'; connect-src 'self'; ` : "";
  return {
    html,
    policy: `default-src 'none'; style-src 'sha256-${styleHash}'; ${scripts}form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  };
}

/** The page at `/`: only whether the node is ready, in both languages. */
export function renderFrontPage(systemName: string, ready: boolean): Page {
  const state = ready
    ? ["This node is ready.", "本节点已就绪。"]
    : ["This node is not ready yet.", "本节点尚未就绪。"];
  const lines = state.map((line, index) => `<p lang="${index === 0 ? "en" : "zh"}">${line}</p>`);
  return page(systemName, `<h1>${escapeHtml(systemName)}</h1>${lines.join("")}`, false);
}

/** The page at `/setup#token`: makes the first account. The token stays in the fragment, out of every log. */
export function renderSetupPage(systemName: string): Page {
  return page(
    systemName,
    `<h1>${escapeHtml(systemName)}</h1><p>Create the root account. <span lang="zh">创建 root 账户。</span></p>
<form><label>Username <span lang="zh">用户名</span><br><input name="username" required maxlength="64" value="root" autocomplete="username"></label><br>
<button>Create <span lang="zh">创建</span></button></form><p><output></output></p>`,
    true,
  );
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
