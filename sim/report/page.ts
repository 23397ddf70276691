/** A page that needs nothing else: no font, picture or script from anywhere. Without its script it says the same; the script dims and enlarges. */
import { diagramStyle } from "./diagram-style.ts";
import { escape } from "./markup.ts";

const STYLE = `
:root { color-scheme: light dark; --page: #ffffff; --text: #1c2430; --soft-text: #566170; --rule: #d8dee6; --panel: #f5f7fa; --wrong: #b42318; --wrong-panel: #fdeceb; --right: #146c43; --link: #1f5fae; }
@media (prefers-color-scheme: dark) { :root { --page: #11161d; --text: #e6edf3; --soft-text: #9aa7b5; --rule: #303a46; --panel: #1a212b; --wrong: #ff8074; --wrong-panel: #3a1917; --right: #5fd69a; --link: #6cb0ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1320px; padding: 1.5rem clamp(.75rem, 2vw, 2rem) 4rem; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { margin: .35rem 0; max-width: 90ch; overflow-wrap: anywhere; }
a { color: var(--link); }
.soft { color: var(--soft-text); }
.verdict-box { border: 2px solid var(--wrong); border-radius: 8px; background: var(--wrong-panel); padding: .6rem .9rem; margin: .8rem 0; }
.verdict-box strong { color: var(--wrong); }
.clean { color: var(--right); font-weight: 700; }
code, pre, kbd { font: 13px/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { background: var(--panel); border: 1px solid var(--rule); border-radius: 6px; padding: .5rem .7rem; margin: .25rem 0 .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.2rem; margin: .6rem 0; }
dl.facts dt { color: var(--soft-text); }
dl.facts dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: 8px; background: var(--page); margin: .5rem 0; }
.scroll svg { display: block; }
.narrow { display: none; }
table { border-collapse: collapse; margin: .4rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { color: var(--soft-text); font-weight: 600; }
td.number, th.number { text-align: right; }
td { overflow-wrap: anywhere; }
.columns { columns: 18rem; column-gap: 2rem; margin: .4rem 0; padding: 0; list-style: none; }
.columns li { display: flex; justify-content: space-between; gap: 1rem; border-bottom: 1px solid var(--rule); break-inside: avoid; }
.columns b { font-weight: 600; font-variant-numeric: tabular-nums; }
.steps { padding-left: 1.6rem; }
.steps li { margin: .3rem 0; overflow-wrap: anywhere; }
.steps time, .words time { font: 12px ui-monospace, monospace; color: var(--soft-text); margin-right: .6rem; white-space: nowrap; }
.words { list-style: none; padding: 0; font-size: 14px; }
.words li { padding: .2rem 0; border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
.words .broken { background: var(--wrong-panel); }
.words .folded { color: var(--soft-text); }
details > summary { cursor: pointer; margin: .6rem 0; font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; padding: 0; list-style: none; color: var(--soft-text); font-size: 13px; }
.legend svg { vertical-align: -3px; margin-right: .35rem; }
.tools { display: none; flex-wrap: wrap; gap: .4rem .9rem; align-items: center; margin: .5rem 0; font-size: 14px; }
.scripted .tools { display: flex; }
.tools button { font: inherit; padding: .1rem .6rem; border: 1px solid var(--rule); border-radius: 6px; background: var(--panel); color: inherit; }
.dim-routine .arrow.routine, .dim-client .arrow.client { opacity: .08; }
.only-one .moment:not(.chosen) { opacity: .3; }
.scroll table { margin: 0; }
.scroll th:first-child, .scroll td:first-child { padding-left: .7rem; }
@media (max-width: 700px) { .narrow { display: block; } }
@media print { body { max-width: none; padding: 0; } .tools, .narrow { display: none !important; } .scroll { overflow: visible; border: 0; } .scroll svg { max-width: 100%; height: auto; } }
${diagramStyle()}`;

const SCRIPT = `
document.documentElement.classList.add("scripted");
for (const figure of document.querySelectorAll("figure.run")) {
  const svg = figure.querySelector(".scroll svg.sequence");
  const [, , wide, high] = svg.getAttribute("viewBox").split(" ").map(Number);
  if (innerWidth < 700) figure.nextElementSibling.open = true;
  let zoom = 1;
  figure.addEventListener("click", ({ target }) => {
    const step = target.dataset && target.dataset.zoom;
    if (!step) return;
    zoom = step === "0" ? 1 : Math.min(3, Math.max(0.3, zoom * Number(step)));
    svg.setAttribute("width", wide * zoom);
    svg.setAttribute("height", high * zoom);
  });
  figure.addEventListener("change", ({ target }) => {
    if (target.dataset.dim) svg.classList.toggle("dim-" + target.dataset.dim, !target.checked);
    if (!target.dataset.lanes) return;
    svg.classList.toggle("only-one", target.value !== "");
    for (const one of svg.querySelectorAll(".moment")) one.classList.toggle("chosen", one.dataset.lane === target.value);
  });
}`;

export interface Page {
  readonly title: string;
  /** Markup. */
  readonly body: string;
}

export function formatPage({ title, body }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="blixard sim --report">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
<script>${SCRIPT}</script>
</body>
</html>
`;
}
