/** A run as one self-contained page: what it was measured on, a summary, a chart per benchmark. */
import { bars, curves, percentiles } from './charts.js';
import { intervalText, ourRows, percentileOf, timesAsGood, timesInterval } from './comparable.js';
import { style } from './page-style.js';
import { figure } from './report.js';
import type { Run, SavedBench } from './saved.js';
import type { Result } from './session.js';

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const text = (value: string): string => value.replace(/[&<>"]/g, (letter) => escapes[letter] ?? '');

const withUnit = (result: Result): string => `${figure(result.value)} ${result.unit}`;

/** One row of the summary; green or red where the whole interval is on that side of 1. */
function summaryRow(result: Result): string {
  const [low, high] = timesInterval(result);
  const sure = high < 1 ? 'lose' : low > 1 ? 'win' : '';
  const compared = result.ratio !== null;
  const cells = [
    `<td>${text(`${result.bench} ${result.metric}`)}</td>`,
    `<td>${text(result.subject)}</td>`,
    `<td>${text(withUnit(result))}</td>`,
    `<td class="${sure}">${compared ? `${timesAsGood(result).toFixed(2)}x` : ''}</td>`,
    `<td>${compared ? intervalText(result, '–') : ''}</td>`,
    `<td>${text(result.reference ?? '')}</td>`,
  ];
  return `<tr>${cells.join('')}</tr>`;
}

/** Rows of what is ours, beside what each is compared with. */
function summary(results: readonly Result[]): string {
  const rows = ourRows(results).map(summaryRow);
  const headings = ['work', 'subject', 'figure', 'times as good', '95 % interval', 'as'];
  const head = headings.map((heading) => `<th>${heading}</th>`).join('');
  return `<div class="wide"><table><thead><tr>${head}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

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

/** A curve over what grows, or bars for each metric; and latencies by percentile. */
function chartsOf(bench: SavedBench, results: readonly Result[]): string {
  const parts: string[] = [];
  const figures = results.filter(({ metric }) => percentileOf(metric) === undefined);
  if (bench.view) parts.push(`<figure>${curves(figures, bench.view.over)}</figure>`);
  else {
    const comparable = figures.filter(({ ratio }) => ratio !== null);
    for (const [metric, rows] of grouped(comparable, (result) => result.metric)) {
      parts.push(`<h3>${text(metric)}</h3><figure>${bars(rows, withUnit)}</figure>`);
    }
  }
  const latencies = results.filter(({ metric }) => percentileOf(metric) !== undefined);
  const caseOf = ({ metric }: Result) => metric.replace(/ ?p[\d.]+$/, '');
  for (const [name, rows] of grouped(latencies, caseOf)) {
    parts.push(
      `<h3>${text(name)}, latency by percentile</h3><figure>${percentiles(rows)}</figure>`,
    );
  }
  return parts.join('\n');
}

export function page(run: Run): string {
  const facts = run.machine.map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`);
  const doubts = [
    ...run.noise.map((line) => `Noise: ${line}.`),
    ...run.absent.map((line) => `${line}.`),
  ];
  const quick =
    run.pace === 'quick'
      ? '<p class="note">A quick run: its figures are not to be relied on.</p>'
      : '';
  const sections = run.benches.map((bench) => {
    const results = run.results.filter((result) => result.bench === bench.name);
    if (results.length === 0) return '';
    return `<section><h2>${text(bench.name)}</h2><p class="soft">${text(bench.title)}</p>
${chartsOf(bench, results)}</section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>nearmetal benchmarks, ${text(run.date)}</title><style>${style}</style></head><body>
<h1>nearmetal benchmarks</h1>
<p class="soft">${text(run.date)} UTC · <code>${text(run.command)}</code></p>
<dl>${facts.join('')}</dl>
${quick}${doubts.map((line) => `<p class="note">${text(line)}</p>`).join('')}
<section><h2>Summary</h2>
<p>More than 1x is better than the reference of the same interleaved rounds. Intervals are of the
median, by resampling the rounds. Green and red: the whole interval is on that side of 1.</p>
${summary(run.results)}</section>
${sections.join('\n')}
</body></html>
`;
}
