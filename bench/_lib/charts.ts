/** Charts as SVG text, drawn when the report is written: no script runs in the page. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { isOurs, percentileOf, timesAsGood, timesInterval } from './comparable.js';
import type { Result } from './session.js';

const { document } = parseHTML('<html><body></body></html>');

const WIDTH = 900;
const ROW = 26;
/** Beyond this many times from end to end a linear scale hides the small ones. */
const WIDE = 20;

/** The page says what the colours are, for light and for dark. */
const colour = (subject: string): string => `var(--${isOurs(subject) ? 'ours' : 'others'})`;

const palette = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].map((name) => `var(--${name})`);

function draw(options: Plot.PlotOptions): string {
  const plot = Plot.plot({
    document: document as never,
    width: WIDTH,
    style: { fontSize: '12px', background: 'transparent', overflow: 'visible' },
    ...options,
  } as Plot.PlotOptions);
  return plot.outerHTML;
}

/** A bar for each subject: how many times as good as the reference, with its interval. */
export function bars(results: readonly Result[], figure: (result: Result) => string): string {
  const times = results.map(timesAsGood);
  const log = Math.max(...times) / Math.min(...times) > WIDE;
  const start = log ? Math.min(1, ...times) / 2 : 0;
  const rows = results.map((result) => ({
    subject: result.subject,
    times: timesAsGood(result),
    interval: timesInterval(result),
    label: `${timesAsGood(result).toFixed(2)}x   ${figure(result)}`,
  }));
  type Row = (typeof rows)[number];
  return draw({
    marginLeft: 230,
    marginRight: 190,
    height: 40 + ROW * results.length,
    x: {
      label: 'times as good as the reference',
      type: log ? 'log' : 'linear',
      grid: true,
      ticks: 5,
    },
    y: { label: null, domain: rows.map(({ subject }) => subject) },
    color: { type: 'identity' },
    marks: [
      Plot.rectX(rows, {
        x1: start,
        x2: 'times',
        y: 'subject',
        fill: ({ subject }: Row) => colour(subject),
        insetTop: 3,
        insetBottom: 3,
      } as Plot.RectXOptions),
      Plot.ruleX([1], { strokeDasharray: '3 3' }),
      Plot.ruleY(rows, {
        x1: ({ interval }: Row) => interval[0],
        x2: ({ interval }: Row) => interval[1],
        y: 'subject',
        strokeWidth: 2,
      }),
      Plot.text(rows, {
        x: ({ times, interval }: Row) => Math.max(times, interval[1]),
        y: 'subject',
        text: 'label',
        textAnchor: 'start',
        dx: 8,
      }),
    ],
  });
}

/** A curve for each subject, both ways logarithmic: how its figure grows with a number. */
export function curves(results: readonly Result[], over: string): string {
  const points = results.map(({ subject, metric, value }) => ({
    subject,
    x: Number.parseFloat(metric.replace(/^\D+/, '')),
    value,
  }));
  return draw({
    marginLeft: 60,
    height: 360,
    x: { type: 'log', label: over, tickFormat: ',', ticks: 4 },
    y: { type: 'log', label: results[0]?.unit ?? '', grid: true, tickFormat: ',' },
    color: { range: palette, legend: true },
    marks: [
      Plot.line(points, { x: 'x', y: 'value', stroke: 'subject', strokeWidth: 2 }),
      Plot.dot(points, { x: 'x', y: 'value', fill: 'subject', r: 3 }),
    ],
  });
}

/** Latency by percentile, a curve for each subject, on a logarithmic scale. */
export function percentiles(results: readonly Result[]): string {
  const points = results.map(({ subject, metric, value }) => ({
    subject,
    at: percentileOf(metric) as string,
    value,
  }));
  return draw({
    marginLeft: 60,
    height: 300,
    x: { type: 'point', label: null, domain: [...new Set(points.map(({ at }) => at))] },
    y: { type: 'log', label: results[0]?.unit ?? '', grid: true, tickFormat: ',' },
    color: { range: palette, legend: true },
    marks: [
      Plot.line(points, { x: 'at', y: 'value', stroke: 'subject', strokeWidth: 2 }),
      Plot.dot(points, { x: 'at', y: 'value', fill: 'subject', r: 3 }),
    ],
  });
}
