"""The report's style sheet: light and dark, readable from a telephone to a wide screen and on paper."""

from __future__ import annotations

from consumer.report.markup import Markup

STYLE = Markup("""
:root {
  --page: #f7f7f5; --card: #ffffff; --ink: #1d2026; --faint: #5b6270; --rule: #dfe2e6;
  --good: #256b4c; --bad: #a52f24; --some: #8a5300; --bar: #7fae98; --link: #1f57a8; --hit: #ffe58a; --on-hit: #1d2026;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --card: #1c1f25; --ink: #e6e8ec; --faint: #a0a8b6; --rule: #323843;
    --good: #74cba3; --bad: #f09a8f; --some: #e3b565; --bar: #4a8069; --link: #8fb8f5; --hit: #6b5410;
    --on-hit: #ffffff;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { scroll-padding-top: 4.5rem; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 56rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.125rem; margin: 2.25rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0; font-variant-numeric: tabular-nums; }
p { margin: .5rem 0; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, input:focus-visible, .board:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.faint { color: var(--faint); font-size: .875rem; overflow-wrap: anywhere; }
.badge { font-size: .8125rem; font-weight: 600; white-space: nowrap; }
.state .badge { border: 1px solid currentColor; border-radius: 1rem; padding: .1rem .6rem; }
.good { color: var(--good); } .bad, .bad a { color: var(--bad); } .some { color: var(--some); }
p.some, p.bad { font-size: .9375rem; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
.asked { margin: .75rem 0; }
.card {
  background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .875rem 1rem; overflow: clip;
}
.card + .card { margin-top: .75rem; }
.card > :first-child { margin-top: 0; } .card > :last-child { margin-bottom: 0; }
.card:target { outline: 3px solid var(--link); outline-offset: -1px; }
.lead { font-size: 1.0625rem; }
.head { display: flex; flex-wrap: wrap; gap: .25rem .875rem; align-items: baseline; }
.which { margin-inline-start: auto; }
.play { font-size: .875rem; white-space: nowrap; }
.figure { margin-top: .75rem; }
.figures {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .875rem 1.25rem;
  margin: 1.25rem 0 0;
}
.figures dt { color: var(--faint); font-size: .8125rem; }
.figures dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
nav ul, .legend {
  display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 1.5rem 0 0; padding: 0;
}
nav { border-top: 1px solid var(--rule); margin-top: 1.5rem; }
nav ul { margin-top: .5rem; }
nav a { display: inline-block; padding: .25rem 0; }
svg { display: block; width: 100%; height: 3.25rem; overflow: visible; }
svg a:focus { outline: none; }
svg a:focus-visible rect { stroke: var(--ink); stroke-width: 3px; vector-effect: non-scaling-stroke; }
svg .good, .key.good { fill: var(--bar); background: var(--bar); }
svg .bad, .key.bad { fill: var(--bad); background: var(--bad); }
svg .gap { fill: var(--bad); opacity: .18; } .key.gap { background: var(--bad); opacity: .3; }
svg .skip { fill: var(--rule); opacity: .6; } .key.skip { background: var(--rule); }
svg .ground { fill: var(--rule); }
svg .off { opacity: .2; }
.ticks { display: flex; justify-content: space-between; font-variant-numeric: tabular-nums; }
.legend { margin-top: .5rem; }
.key { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem; margin-inline-end: .4rem; }
.board {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .625rem; list-style: none;
  margin: 0; padding: .25rem; max-height: 26rem; overflow-y: auto;
}
.board a { display: block; text-decoration: none; }
.board img {
  display: block; width: 100%; height: auto; border-radius: .25rem; background: var(--rule); object-fit: cover;
}
.caption { font-size: .8125rem; font-variant-numeric: tabular-nums; }
form {
  position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .375rem .75rem; align-items: center;
  background: var(--page); padding: .625rem 0; margin-bottom: .375rem;
}
label { font-size: .875rem; }
input {
  flex: 1 1 12rem; min-width: 0; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--faint); border-radius: .375rem; padding: .375rem .625rem;
}
output { font-size: .875rem; color: var(--faint); font-variant-numeric: tabular-nums; }
::highlight(found) { background: var(--hit); color: var(--on-hit); }
table { border-collapse: collapse; width: 100%; font-size: .875rem; table-layout: fixed; }
th, td { text-align: start; vertical-align: top; padding: .25rem .75rem .25rem 0; overflow-wrap: anywhere; }
th { color: var(--faint); font-weight: 400; width: 11rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .875rem; margin: .5rem 0; }
@media screen {
  :root { color-scheme: light dark; }
  .chunk { content-visibility: auto; contain-intrinsic-size: auto 11rem; }
}
@media (max-width: 30rem) {
  html { scroll-padding-top: 6rem; }
  th { width: 7rem; }
  .board { grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); }
  label { flex-basis: 100%; }
}
@media print {
  @page { margin: 16mm 14mm; }
  html { font-size: 10pt; }
  body { background: none; }
  main { max-width: none; padding: 0; }
  form, nav, .play { display: none; }
  a { color: inherit; text-decoration: none; }
  h2 { break-after: avoid; }
  .card, .board li, .figures div { break-inside: avoid; }
  .chunk { break-inside: auto; } .chunk .head { break-after: avoid; }
  .board { max-height: none; overflow: visible; grid-template-columns: repeat(6, 1fr); }
  svg, .key { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
""")
