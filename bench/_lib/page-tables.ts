/** The tables of the page: our rows beside what they are compared with, and every figure. */
import { intervalText, isOurs, sureness, timesAsGood, workName } from './comparable.js';
import { eventCell, eventsOf, few, figure } from './report.js';
import type { Result } from './session.js';

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** As it has to stand in a page. */
export const text = (value: string): string =>
  value.replace(/[&<>"]/g, (letter) => escapes[letter] ?? '');

export const withUnit = (result: Result): string => `${figure(result.value)} ${result.unit}`;

type Column = readonly [heading: string, cell: (result: Result) => string];

/** The first cell says what was done, and by whom: on a phone below each other. */
function named(result: Result, work: string): string {
  const subject = `<span class="soft">${text(result.subject)}</span>`;
  return `<td class="left"><span>${text(work)}</span> ${subject}</td>`;
}

function table(columns: readonly Column[], results: readonly Result[]): string {
  const said = columns.filter(([, cell]) => results.some((result) => cell(result) !== ''));
  const head = said.map(([heading], index) => {
    const kind = index === 0 ? ' class="left"' : '';
    return `<th${kind}>${text(heading)}</th>`;
  });
  const rows = results.map((result) => {
    const cells = said.map(([, cell]) => {
      const content = cell(result);
      return content.startsWith('<td') ? content : `<td>${text(content)}</td>`;
    });
    return `<tr${isOurs(result.subject) ? ' class="our"' : ''}>${cells.join('')}</tr>`;
  });
  return `<div class="scroll" tabindex="0"><table><thead><tr>${head.join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

const compared = (result: Result): boolean => result.ratio !== null;

/** Green or red where the whole interval is on that side of 1. */
const times: Column = [
  'times as good',
  (result) =>
    compared(result)
      ? `<td class="${sureness(result) ?? ''}">${timesAsGood(result).toFixed(2)}x</td>`
      : '',
];
const interval: Column = [
  '95 % interval',
  (result) =>
    compared(result) && result.reference !== result.subject ? intervalText(result, '–') : '',
];
const cpu: Column = [
  'CPU µs/op',
  ({ cpuUsPerOp }) => (cpuUsPerOp === undefined ? '' : figure(cpuUsPerOp)),
];
const calls: Column = ['system calls/op', ({ counts }) => few(counts?.systemCalls)];

/** Rows of what is ours, beside what each is compared with. */
export function summary(results: readonly Result[]): string {
  return table(
    [
      ['work and subject', (result) => named(result, workName(result))],
      times,
      interval,
      ['beside', ({ reference }) => reference ?? ''],
      ['figure', withUnit],
      calls,
    ],
    results,
  );
}

/** Every figure of one benchmark. */
export function details(results: readonly Result[]): string {
  const events = eventsOf(results).map(
    (event): Column => [`${event}/op`, (result) => eventCell(result, event)],
  );
  return table(
    [
      ['work and subject', (result) => named(result, result.metric)],
      times,
      interval,
      ['figure', withUnit],
      cpu,
      calls,
      ...events,
      ['spread', ({ spread }) => `${(100 * spread).toFixed(0)} %`],
      ['outliers', ({ outliers }) => (outliers === 0 ? '' : String(outliers))],
    ],
    results,
  );
}
