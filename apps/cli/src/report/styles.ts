import { raw } from './html.js'

/** The look of every page: light, dark and paper. Right and wrong differ in colour, in line style and in a mark. */
export const styles = raw(`
:root { color-scheme: light dark;
  --ink: #1c1f26; --soft: #5b6270; --faint: #e6e8ec; --paper: #fbfbfa; --card: #ffffff; --edge: #dcdfe4;
  --right: #14734a; --right-soft: #e5f4ec; --wrong: #b3261e; --wrong-soft: #fbeae8; --accent: #2f5bd7;
  --s0: #2f5bd7; --s1: #c2571a; --s2: #14734a; --s3: #8a3ab9; --s4: #b3261e; --s5: #51606f; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e9ebef; --soft: #a0a7b4; --faint: #2b2f37; --paper: #14161a; --card: #1c1f25; --edge: #343943;
  --right: #5fd09a; --right-soft: #173528; --wrong: #ff8b80; --wrong-soft: #40201d; --accent: #8fb0ff;
  --s0: #8fb0ff; --s1: #ffab70; --s2: #5fd09a; --s3: #d6a3ff; --s4: #ff8b80; --s5: #b3bdc9; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 72px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -.02em; margin: 0 0 6px; }
h2 { font-size: 19px; letter-spacing: -.01em; margin: 52px 0 4px; }
h3 { font-size: 15px; margin: 28px 0 8px; }
p { margin: 0 0 14px; max-width: 74ch; } .soft { color: var(--soft); } small { color: var(--soft); font-size: 12.5px; }
code { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 14px; margin: 26px 0 8px; }
.card { background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 16px 18px; }
.card b { display: block; font-size: 31px; line-height: 1.15; letter-spacing: -.02em; font-variant-numeric: tabular-nums; font-weight: 650; }
.card b span { font-size: 16px; color: var(--soft); font-weight: 500; margin-left: 3px; }
.up { color: var(--right); } .down { color: var(--wrong); } .up, .down { font-variant-numeric: tabular-nums; white-space: nowrap; }
.scroll { overflow-x: auto; max-width: 100%; } .dense table { font-size: 13px; } .dense th, .dense td { padding-right: 9px; white-space: normal; overflow-wrap: break-word; }
.dense td:first-child { max-width: 260px; } header p { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 10px 0; min-width: 360px; }
th, td { text-align: right; padding: 6px 16px 6px 0; border-bottom: 1px solid var(--faint); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { color: var(--soft); font-weight: 550; font-size: 13px; }
td.best { font-weight: 700; }
td .bar { display: inline-block; height: 7px; background: var(--accent); border-radius: 4px; vertical-align: middle; margin-right: 10px; opacity: .75; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); gap: 18px; margin: 14px 0; }
.chart { margin: 0; background: var(--card); border: 1px solid var(--edge); border-radius: 12px; padding: 12px 12px 8px; }
.chart svg { width: 100%; height: auto; display: block; } .chart .legend svg { width: 26px; height: 8px; display: inline-block; margin-right: 6px; vertical-align: middle; }
.chart text { fill: var(--soft); font: 12px system-ui, sans-serif; } .chart line { stroke: var(--faint); }
.chart path { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; } .chart circle { fill: currentColor; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; margin: 4px 6px 2px; padding: 0; font-size: 13px; color: var(--ink); }
.s0 { color: var(--s0) } .s1 { color: var(--s1) } .s2 { color: var(--s2) } .s3 { color: var(--s3) } .s4 { color: var(--s4) } .s5 { color: var(--s5) }
.legend li { color: var(--ink); }
.row { display: flex; gap: 18px; padding: 14px 0; border-bottom: 1px solid var(--faint); break-inside: avoid; align-items: flex-start; }
.query { width: 112px; flex: none; } .query p { font-size: 11px; line-height: 1.35; color: var(--soft); margin: 1px 0 0; } .stages { display: grid; gap: 12px; min-width: 0; }
.stage > small { display: block; margin-bottom: 3px; }
.results { display: flex; flex-wrap: wrap; gap: 8px; }
figure.pic { margin: 0; width: 94px; } .query figure.pic { width: 104px; }
.pic .box { position: relative; aspect-ratio: 1; background: #fff; border: 2px solid var(--edge); border-radius: 9px; overflow: hidden; display: grid; place-items: center; }
.pic img { width: 100%; height: 100%; object-fit: contain; display: block; } .pic .gone { color: #5b6270; font-size: 11px; }
.pic figcaption { font-size: 11px; line-height: 1.3; color: var(--soft); margin-top: 3px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.pic figcaption .is { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; white-space: normal; overflow-wrap: anywhere; color: var(--ink); }
figcaption.whole { white-space: normal !important; overflow-wrap: anywhere; } .tiles figure.pic { width: auto; }
.query .box { border-color: var(--ink); }
.right .box { border: 3px solid var(--right); } .wrong .box { border: 3px dashed var(--wrong); }
.mark { position: absolute; right: 0; bottom: 0; min-width: 19px; height: 19px; border-top-left-radius: 8px; display: grid; place-items: center; font: 700 12px/1 system-ui, sans-serif; color: #fff; }
.right .mark { background: #14734a; } .wrong .mark { background: #b3261e; }
.search { display: grid; grid-template-columns: 200px minmax(0, 1fr); gap: 24px; padding: 20px 0; border-bottom: 1px solid var(--faint); align-items: start; }
.search:last-of-type { border-bottom: 0; } .search figure.pic { width: auto; } .search figcaption { white-space: normal; overflow-wrap: anywhere; font-size: 12.5px; line-height: 1.35; color: var(--ink); } .search figcaption small { font-size: 11.5px; }
.search .query { width: auto; } .tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 14px 12px; }
.pic a { color: inherit; text-decoration: none; } .pic .box a { display: block; width: 100%; height: 100%; } .pic a:hover { text-decoration: underline; }
.grid { display: flex; flex-wrap: wrap; gap: 12px; margin: 12px 0; }
details { margin: 10px 0; } summary { cursor: pointer; color: var(--accent); }
ul.warnings { padding-left: 18px; } footer { margin-top: 56px; color: var(--soft); font-size: 13px; border-top: 1px solid var(--faint); padding-top: 14px; }
@media (max-width: 640px) { main { padding: 24px 14px 48px; } .row { flex-direction: column; gap: 8px; } figure.pic { width: 86px; }
  .search { grid-template-columns: minmax(0, 1fr); } .search .query { max-width: 180px; } .tiles { grid-template-columns: repeat(auto-fill, minmax(120px, 1fr)); }
  table { min-width: 0; } th, td { padding-right: 10px; }
  /* A table of many columns: each row is a paragraph that names its figures. */
  .runs thead { display: none; } .runs tr { display: flex; flex-wrap: wrap; gap: 0 14px; padding: 8px 0; border-bottom: 1px solid var(--faint); }
  .runs td { border: 0; padding: 0; } .runs td:first-child { flex: 0 0 100%; max-width: none; font-weight: 600; } .runs td[data-label]::before { content: attr(data-label) ' '; color: var(--soft); font-weight: 400; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --faint: #ddd; --paper: #fff; --card: #fff; --edge: #bbb;
  --right: #14734a; --wrong: #b3261e; --accent: #2f5bd7; --s0: #2f5bd7; --s1: #c2571a; --s2: #14734a; --s3: #8a3ab9; --s4: #b3261e; --s5: #51606f; }
  main { padding: 0; max-width: none; } body { font-size: 12px; print-color-adjust: exact; -webkit-print-color-adjust: exact; } h2 { break-after: avoid; } figure.pic { width: 66px; } .chart, .card { break-inside: avoid; } }
`)
