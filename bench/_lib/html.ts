/** A run as one self-contained page: what it was measured on, a summary, a chart per benchmark. */
import { bars, curves, overview, percentiles } from './charts.js';
import { losses, ourRows, percentileOf } from './comparable.js';
import { style } from './page-style.js';
import { details, summary, text, withUnit } from './page-tables.js';
import { few } from './report.js';
import type { Run, SavedBench } from './saved.js';
import type { Result } from './session.js';

function grouped(
  results: readonly Result[],
  key: (result: Result) => string,
): Map<string, Result[]> {
  const groups = new Map<string, Result[]>();
  for (const result of results) {
    const group = groups.get(key(result));
    if (group) group.push(result);
    else groups.set(key(result), [result]);
  }
  return groups;
}

/** What stands behind a bar. */
function label(result: Result): string {
  const calls = result.counts?.systemCalls;
  return withUnit(result) + (calls === undefined ? '' : `, ${few(calls)} calls`);
}

/** A curve over what grows, or bars for each metric; and latencies by percentile. */
function chartsOf(bench: SavedBench, results: readonly Result[]): string {
  const parts: string[] = [];
  const figures = results.filter(({ metric }) => percentileOf(metric) === undefined);
  if (bench.view) parts.push(curves(figures, bench.view.over));
  else {
    const comparable = figures.filter(({ ratio }) => ratio !== null);
    for (const [metric, rows] of grouped(comparable, (result) => result.metric)) {
      parts.push(`<h3>${text(metric)}</h3>${bars(rows, label)}`);
    }
  }
  const latencies = results.filter(({ metric }) => percentileOf(metric) !== undefined);
  const caseOf = ({ metric }: Result) => metric.replace(/ ?p[\d.]+$/, '');
  for (const [name, rows] of grouped(latencies, caseOf)) {
    parts.push(`<h3>${text(name)}, latency by percentile</h3>${percentiles(rows)}`);
  }
  return parts.join('\n');
}

const section = (id: string, heading: string, content: string): string =>
  `<section id="${text(id)}"><h2>${text(heading)}</h2>${content}</section>`;

function benchSection(run: Run, bench: SavedBench): string {
  const { name, title } = bench;
  const results = run.results.filter((result) => result.bench === name);
  const content = `<p class="soft">${text(title)}</p>
${chartsOf(bench, results)}
<details><summary>Every figure of ${text(name)}</summary>${details(results)}</details>`;
  return section(name, name, content);
}

function notes(run: Run): string {
  const lines = [
    ...(run.pace === 'quick' ? ['A quick run: its figures are not to be relied on.'] : []),
    ...run.noise.map((line) => `Noise: ${line}.`),
    ...run.absent.map((line) => `${line[0]?.toUpperCase()}${line.slice(1)}.`),
  ];
  if (lines.length === 0) return '';
  return `<ul class="note">${lines.map((line) => `<li>${text(line)}</li>`).join('')}</ul>`;
}

/** So many are shown before the others have to be asked for. */
const LOSSES_SHOWN = 10;

function losing(behind: readonly Result[]): string {
  const [first, others] = [behind.slice(0, LOSSES_SHOWN), behind.slice(LOSSES_SHOWN)];
  if (others.length === 0) return summary(first);
  return `${summary(first)}
<details><summary>${others.length} more, nearer to their reference</summary>${summary(others)}
</details>`;
}

function glance(run: Run): string {
  const rows = ourRows(run.results).filter(({ ratio }) => ratio !== null);
  if (rows.length === 0) return '';
  const behind = losses(run.results);
  const counted =
    behind.length === 0
      ? `None of ${rows.length} rows is behind its reference.`
      : `${rows.length - behind.length} of ${rows.length} rows are as good as their reference or
better; ${behind.length} are behind it beyond their interval.`;
  return `<section id="glance"><h2>At a glance</h2>
<p>Each point is one row of ours beside its reference, C wherever there is C: to the right of the
broken line it is better. Green and red: the whole 95&nbsp;% interval is on that side.
${counted}</p>
${overview(rows)}</section>
${behind.length === 0 ? '' : section('losses', 'Where it loses', losing(behind))}
<details id="summary"><summary>All rows</summary>
<p class="soft">Intervals are of the median of interleaved rounds, by resampling them. System calls
are counted in turns that tell no time; a server that is traced is slower, and finds more to do each
time that it looks.</p>
${summary(ourRows(run.results))}</details>`;
}

export function page(run: Run): string {
  const facts = run.machine.map(
    ([name, value]) => `<div><dt>${text(name)}</dt><dd>${text(value)}</dd></div>`,
  );
  const measured = run.benches.filter(({ name }) =>
    run.results.some(({ bench }) => bench === name),
  );
  const links = measured.map(({ name }) => `<a href="#${text(name)}">${text(name)}</a>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>nearmetal benchmarks, ${text(run.date)}</title><style>${style}</style></head><body>
<header><h1>nearmetal benchmarks</h1>
<p class="soft">${text(run.date.replace('T', ' '))} UTC ·
<code>${text(run.command)}</code></p></header>
<dl>${facts.join('')}</dl>
${notes(run)}
<nav aria-label="benchmarks">${links.join(' ')}</nav>
<main>
${glance(run)}
${measured.map((bench) => benchSection(run, bench)).join('\n')}
</main>
</body></html>
`;
}
