/** How a diagram looks, in the light and in the dark, on paper too. The colours are those of `sim/linearizability`'s pictures and further ones beside them. */

const LIGHT = `--back: #ffffff; --ink: #1c2430; --soft: #5b6675; --faint: #cfd6df; --tint: #f5f7fa; --head: #e9edf2; --edge: #2f6db5; --call: #7a4fb5; --bad: #c0261a; --bad-tint: #fdeceb; --led-tint: #fff4d6; --led: #9a6700; --lead: #1a7f4b; --lead-tint: #d3f2e0; --stand: #9a6700; --down: #e3e6ea; --down-line: #8b96a3; --pause: #eee6f8; --pause-line: #8a63c4; --cut: #fdd9b5; --cut-line: #b45309; --disk: #fbdcd8; --disk-line: #b3382c; --sky: #dcecfb; --sky-line: #4a86c5;`;
const DARK = `--back: #11161d; --ink: #e6edf3; --soft: #9aa7b5; --faint: #303a46; --tint: #171d26; --head: #1f2732; --edge: #6cb0ff; --call: #c4a0ff; --bad: #ff8074; --bad-tint: #3a1917; --led-tint: #332a10; --led: #f0c040; --lead: #5fd69a; --lead-tint: #12402a; --stand: #f0c040; --down: #262d36; --down-line: #6b7785; --pause: #2a2140; --pause-line: #b794f4; --cut: #4a2c0f; --cut-line: #f5a654; --disk: #4a1c19; --disk-line: #ff9a90; --sky: #15293d; --sky-line: #6cb0ff;`;

/** The rules of a diagram, the same for each of a page. */
export function diagramStyle(): string {
  return `
.diagram { ${LIGHT} }
@media (prefers-color-scheme: dark) { .diagram { ${DARK} } }
@media print { .diagram { ${LIGHT} } }
.diagram text { font: 11.5px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: var(--ink); white-space: pre; }
.diagram .middle { text-anchor: middle; }
.diagram .back { fill: var(--back); }
.diagram .row-odd { fill: var(--tint); }
.diagram .row-cause { fill: var(--led-tint); }
.diagram .row-failed { fill: var(--bad-tint); }
.diagram .header { fill: var(--head); }
.diagram .head, .diagram .name { font-weight: 700; }
.diagram .lane { stroke: var(--faint); stroke-width: 1.5; }
.diagram .time { fill: var(--ink); }
.diagram .later { fill: var(--soft); text-anchor: end; font-size: 10px; }
.diagram .arrow path { stroke: var(--edge); stroke-width: 1.3; fill: none; }
.diagram .arrow.client path { stroke: var(--call); stroke-dasharray: 6 3; }
.diagram .arrow.routine path { opacity: .45; }
.diagram .arrow.folded path { stroke-dasharray: 2 3; }
.diagram .arrow.lost path, .diagram .cross { stroke: var(--bad); stroke-width: 1.6; fill: none; }
.diagram .arrow.lost path { stroke-dasharray: 4 3; }
.diagram .arrow.lost path.cross { stroke-dasharray: none; stroke-width: 2; }
.diagram .arrow.under-way path { stroke-dasharray: 4 3; }
.diagram .dots { fill: var(--edge); }
.diagram .arrow.led path { stroke: var(--led); stroke-width: 2.4; opacity: 1; }
.diagram .message-head { fill: var(--edge); }
.diagram .client-head { fill: var(--call); }
.diagram .cause-head { fill: var(--led); }
.diagram .band { stroke-width: .8; }
.diagram .band-word { font-size: 10px; font-weight: 700; paint-order: stroke; stroke: var(--back); stroke-width: 3px; }
.diagram .down-back { fill: var(--down); } .diagram .down-line { stroke: var(--down-line); } .diagram .down-band .band { stroke: var(--down-line); }
.diagram .paused-back { fill: var(--pause); } .diagram .paused-line { stroke: var(--pause-line); } .diagram .paused-band .band { stroke: var(--pause-line); }
.diagram .network-back { fill: var(--cut); } .diagram .network-line { stroke: var(--cut-line); } .diagram .network-band .band { stroke: var(--cut-line); }
.diagram .disk-back { fill: var(--disk); } .diagram .disk-line { stroke: var(--disk-line); } .diagram .disk-band .band { stroke: var(--disk-line); }
.diagram .weather-back { fill: var(--sky); } .diagram .weather-line { stroke: var(--sky-line); stroke-width: 2; stroke-linecap: round; } .diagram .weather-band .band { stroke: var(--sky-line); }
.diagram .role.leader { fill: var(--lead); opacity: .8; }
.diagram .role.candidate, .diagram .role.pre-candidate { fill: var(--stand); opacity: .8; }
.diagram .pill rect { fill: var(--back); stroke: var(--stand); stroke-width: 1.5; }
.diagram .pill.leader rect { fill: var(--lead-tint); stroke: var(--lead); }
.diagram .pill text { font-size: 10.5px; font-weight: 700; }
.diagram .point { fill: var(--back); stroke: var(--edge); stroke-width: 1.5; }
.diagram .point.came { fill: var(--edge); }
.diagram .point.disk { fill: var(--ink); stroke: var(--ink); }
.diagram .point.asks { fill: var(--call); stroke: var(--call); }
.diagram .point.life circle { fill: var(--back); stroke: var(--ink); }
.diagram .point.life path { fill: var(--ink); stroke: none; }
.diagram .point.life path.cross { fill: none; stroke: var(--bad); stroke-width: 2; }
.diagram .point.strike { fill: var(--cut); stroke: var(--cut-line); }
.diagram .later-tick { fill: var(--soft); font-size: 10.5px; }
.diagram .bar-word { font-size: 10px; font-weight: 700; }
.diagram.overview .role.leader { fill: var(--lead-tint); stroke: var(--lead); stroke-width: 1.2; opacity: 1; }
.diagram .rule-mark { fill: var(--bad); font-weight: 700; }
.diagram .fold-back { fill: var(--head); opacity: .6; }
.diagram .tear { stroke: var(--soft); fill: none; }
.diagram .fold-word { fill: var(--soft); }
.diagram .reach { stroke: var(--bad); stroke-width: 3; }
.diagram .is-failure .point, .diagram .is-failure .pill rect { stroke: var(--bad); stroke-width: 3; }
.diagram .verdict rect { fill: var(--bad-tint); stroke: var(--bad); stroke-width: 2; }
.diagram .verdict .rule { fill: var(--bad); font-size: 13px; font-weight: 700; }
`;
}
