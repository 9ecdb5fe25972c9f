/** How the page of a run looks: light and dark, on a phone and on paper. */
export const style = `
:root {
  color-scheme: light dark;
  --text: #1d2733; --back: #fff; --soft: #5b6875; --line: #d8dee5;
  --ours: #0d8a6a; --others: #a9b4c0; --win: #0b7358; --lose: #b3401f;
  --a: #0d8a6a; --b: #3566c9; --c: #c2571a; --d: #8b46b8; --e: #55606c;
  --f: #b5195e; --g: #7a7a00; --h: #00829e; --i: #944; --j: #444ab0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --text: #e3e9ef; --back: #14191f; --soft: #93a1af; --line: #303a45;
    --ours: #2fc39b; --others: #596674; --win: #3ad3a9; --lose: #ff8a63;
    --a: #2fc39b; --b: #7aa2ff; --c: #ff9d5c; --d: #c78df0; --e: #a3b0bd;
    --f: #ff7ab2; --g: #cfcf4a; --h: #4fd0ec; --i: #e99; --j: #9fa4ff;
  }
}
* { box-sizing: border-box }
body {
  margin: 0 auto; max-width: 62rem; padding: 1.5rem; font: 16px/1.5 system-ui, sans-serif;
  color: var(--text); background: var(--back)
}
h1 { margin: 0; font-size: 1.6rem }
h2 { margin: 2.5rem 0 .2rem; font-size: 1.25rem }
h3 { margin: 1.4rem 0 .3rem; font-size: 1rem; font-weight: 600 }
p, dl { margin: .3rem 0 }
.soft, dt, th { color: var(--soft) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem }
dd { margin: 0 }
.wide { overflow-x: auto }
table {
  border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums
}
th, td {
  padding: .2rem .5rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line)
}
th { font-weight: 500; font-size: .85rem }
td:nth-child(-n+2), th:nth-child(-n+2) { text-align: left; white-space: normal }
td:last-child { white-space: normal }
.win { color: var(--win) }
.lose { color: var(--lose) }
.note { border-left: 3px solid var(--lose); padding-left: .8rem }
figure { margin: 0; overflow-x: auto }
figure > svg, figure > figure > svg:last-child { min-width: 36rem; max-width: 100%; height: auto }
svg text { fill: currentColor }
code { font-size: .9em }
@media print {
  body { max-width: none; padding: 0 }
  figure, tr { break-inside: avoid }
}
`;
