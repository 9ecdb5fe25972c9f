/** How the page of a run looks: light and dark, on a phone and on paper. */
export const style = `
:root {
  color-scheme: light dark;
  --text: #1d2733; --back: #fff; --raised: #f4f6f8; --soft: #556270; --line: #d8dee5;
  --ours: #0d8a6a; --others: #a9b4c0; --win: #0b7358; --lose: #b3401f; --link: #0b6a8f;
  --a: #0d8a6a; --b: #3566c9; --c: #c2571a; --d: #8b46b8; --e: #55606c;
  --f: #b5195e; --g: #7a7a00; --h: #00829e; --i: #944; --j: #444ab0;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --text: #e3e9ef; --back: #14191f; --raised: #1d242c; --soft: #9aa8b6; --line: #303a45;
    --ours: #2fc39b; --others: #596674; --win: #3ad3a9; --lose: #ff8a63; --link: #6cc3ea;
    --a: #2fc39b; --b: #7aa2ff; --c: #ff9d5c; --d: #c78df0; --e: #a3b0bd;
    --f: #ff7ab2; --g: #cfcf4a; --h: #4fd0ec; --i: #e99; --j: #9fa4ff;
  }
}
* { box-sizing: border-box }
html { scroll-padding-top: 3.5rem }
body {
  margin: 0 auto; max-width: 60rem; padding: 1.5rem 1.25rem 4rem;
  font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back)
}
h1 { margin: 0; font-size: 1.7rem; letter-spacing: -.01em }
h2 { margin: 3rem 0 .2rem; font-size: 1.3rem }
h3 { margin: 1.5rem 0 .3rem; font-size: 1rem; font-weight: 600 }
p { margin: .3rem 0; max-width: 46rem }
a { color: var(--link) }
code { font-size: .9em; overflow-wrap: anywhere }
.soft, dt, th { color: var(--soft) }
dl {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr));
  gap: .5rem 1.5rem; margin: 1.2rem 0; padding: .9rem 1.1rem; border-radius: .5rem;
  background: var(--raised)
}
dt { font-size: .8rem }
dd { margin: 0; overflow-wrap: anywhere }
.note { margin: 1rem 0; padding: .1rem 0 .1rem 1.6rem; border-left: 3px solid var(--lose) }
nav {
  position: sticky; top: 0; z-index: 1; display: flex; gap: .1rem .9rem; overflow-x: auto;
  padding: .6rem 0; background: var(--back); border-bottom: 1px solid var(--line)
}
nav a { text-decoration: none; white-space: nowrap }
.scroll { overflow-x: auto }
table {
  border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums
}
th, td {
  padding: .25rem .6rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line)
}
th { font-weight: 500; font-size: .8rem; vertical-align: bottom }
.left { text-align: left; white-space: normal }
.left span { display: inline-block }
td:first-child, th:first-child { padding-left: 0 }
.win { color: var(--win); font-weight: 600 }
.lose { color: var(--lose); font-weight: 600 }
details { margin: 1rem 0 }
details .our td { background: var(--raised) }
summary { cursor: pointer; color: var(--link) }
figure { margin: 0 }
figure figure { margin: .2rem 0 }
figure svg { display: block; max-width: 100%; height: auto }
figure svg text { fill: currentColor }
.narrow { display: none }
@media screen and (max-width: 45rem) {
  body { padding: 1rem .9rem 3rem }
  .wide { display: none }
  .narrow { display: block }
  .left { min-width: 9.5rem }
  .left span { display: block }
  th, td { padding: .25rem .4rem; vertical-align: top }
  h2 { margin-top: 2.2rem }
}
@media print {
  body { max-width: none; padding: 0; font-size: 11pt }
  nav, details { display: none }
  .scroll { overflow: visible }
  th, td { white-space: normal; padding: .15rem .35rem }
  table { font-size: 8.5pt }
  h2, h3 { break-after: avoid }
  figure, tr { break-inside: avoid }
}
`;
