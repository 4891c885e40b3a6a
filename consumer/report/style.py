"""The report's style sheet: light and dark, readable from a telephone to a wide screen and on paper."""

from __future__ import annotations

from consumer.report.markup import Markup

STYLE = Markup("""
:root {
  color-scheme: light dark;
  --page: #fbfbfa; --card: #ffffff; --ink: #1d2026; --faint: #646b78; --rule: #e3e5e9;
  --good: #2f7d5b; --bad: #b3382c; --some: #a86a09; --bar: #8fb8a5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14161a; --card: #1c1f25; --ink: #e6e8ec; --faint: #98a0ae; --rule: #2d323b;
    --good: #6cc39b; --bad: #ef8a7e; --some: #e0b05c; --bar: #3f6d59;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2.25rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0; font-variant-numeric: tabular-nums; }
p { margin: .5rem 0; }
a { color: inherit; }
.faint { color: var(--faint); font-size: .875rem; overflow-wrap: anywhere; }
.badge { font-size: .8125rem; font-weight: 600; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .some { color: var(--some); }
.text { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; padding: .875rem 1rem; }
.card + .card { margin-top: .75rem; }
.card:target { outline: 2px solid var(--some); }
.lead { font-size: 1.0625rem; }
.head { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; justify-content: space-between; }
.figures {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .875rem; margin: 1rem 0 0;
}
.figures dt { color: var(--faint); font-size: .8125rem; }
.figures dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: 3.25rem; }
svg .good { fill: var(--bar); } svg .bad { fill: var(--bad); }
svg .gap { fill: var(--bad); opacity: .25; } svg .ground { fill: var(--rule); }
.ticks { display: flex; justify-content: space-between; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; overflow-wrap: anywhere; }
th { color: var(--faint); font-weight: 400; width: 11rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .875rem; margin: .5rem 0; }
@media (max-width: 30rem) { th { width: 7rem; } }
@media print { body { background: none; } .card { break-inside: avoid; } }
""")
