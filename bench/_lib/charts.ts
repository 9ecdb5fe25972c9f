/** Charts as SVG text, drawn when the report is written: no script runs in the page. */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import {
  isOurs,
  percentileOf,
  rowName,
  sureness,
  timesAsGood,
  timesInterval,
} from './comparable.js';
import type { Result } from './session.js';

const { document } = parseHTML('<html><body></body></html>');

/** Each chart is drawn twice: for a page, and for a phone, where letters must not shrink. */
interface Size {
  readonly name: 'wide' | 'narrow';
  readonly width: number;
  readonly row: number;
}

const sizes: readonly Size[] = [
  { name: 'wide', width: 900, row: 26 },
  { name: 'narrow', width: 350, row: 40 },
];

/** Beyond this many times from end to end a linear scale hides the small ones. */
const WIDE_RANGE = 20;

/** Room for an axis and what it says, without one on the other. */
const UNDER = 44;
const timesAxis = { label: 'times as good as the reference', labelOffset: 40 };
/** What is written over lines stays readable. */
const halo = { stroke: 'var(--back)', strokeWidth: 4, fill: 'currentColor' };

/** The page says what the colours are, for light and for dark. */
const colour = (subject: string): string => `var(--${isOurs(subject) ? 'ours' : 'others'})`;

const palette = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'].map((name) => `var(--${name})`);

function draw(options: (size: Size) => Plot.PlotOptions): string {
  const drawn = sizes.map((size) => {
    const plot = Plot.plot({
      document: document as never,
      width: size.width,
      style: { fontSize: '12px', background: 'transparent', overflow: 'visible' },
      ...options(size),
    } as Plot.PlotOptions);
    return `<div class="${size.name}">${plot.outerHTML}</div>`;
  });
  return `<figure>${drawn.join('')}</figure>`;
}

/** A bar for each subject: how many times as good as the reference, with its interval. */
export function bars(results: readonly Result[], figure: (result: Result) => string): string {
  const times = results.map(timesAsGood);
  const log = Math.max(...times) / Math.min(...times) > WIDE_RANGE;
  const start = log ? Math.min(1, ...times) / 2 : 0;
  const rows = results.map((result) => ({
    subject: result.subject,
    times: timesAsGood(result),
    interval: timesInterval(result),
    label: `${timesAsGood(result).toFixed(2)}x   ${figure(result)}`,
  }));
  type Row = (typeof rows)[number];
  return draw(({ name, row }) => {
    const narrow = name === 'narrow';
    // On a phone the names stand above their bars.
    const above = narrow ? 16 : 3;
    const below = narrow ? 6 : 3;
    const middle = (above - below) / 2;
    return {
      marginLeft: narrow ? 4 : 230,
      marginRight: narrow ? 14 : 190,
      marginBottom: UNDER,
      height: UNDER + 20 + row * results.length,
      x: {
        ...timesAxis,
        type: log ? 'log' : 'linear',
        grid: true,
        ticks: narrow ? 4 : 5,
      },
      y: {
        label: null,
        tickSize: 0,
        domain: rows.map(({ subject }) => subject),
        ...(narrow && { axis: null }),
      },
      color: { type: 'identity' },
      marks: [
        Plot.rectX(rows, {
          x1: start,
          x2: 'times',
          y: 'subject',
          fill: ({ subject }: Row) => colour(subject),
          insetTop: above,
          insetBottom: below,
        } as Plot.RectXOptions),
        Plot.ruleX([1], { strokeDasharray: '3 3' }),
        Plot.ruleY(rows, {
          x1: ({ interval }: Row) => interval[0],
          x2: ({ interval }: Row) => interval[1],
          y: 'subject',
          strokeWidth: 2,
          dy: middle,
        }),
        narrow
          ? Plot.text(rows, {
              frameAnchor: 'left',
              y: 'subject',
              text: ({ subject, label }: Row) => `${subject}   ${label}`,
              textAnchor: 'start',
              dy: -12,
            } as Plot.TextOptions)
          : Plot.text(rows, {
              x: ({ times, interval }: Row) => Math.max(times, interval[1]),
              y: 'subject',
              text: 'label',
              textAnchor: 'start',
              dx: 8,
              ...halo,
            }),
      ],
    };
  });
}

/** Every row of ours as a point on the line of its benchmark: where it is ahead, and where not. */
export function overview(results: readonly Result[]): string {
  const points = results.map((result) => ({
    bench: result.bench,
    times: timesAsGood(result),
    fill: `var(--${sureness(result) ?? 'soft'})`,
    title: `${rowName(result)}: ${timesAsGood(result).toFixed(2)}x`,
  }));
  const benches = [...new Set(points.map(({ bench }) => bench))];
  return draw(({ name }) => ({
    marginLeft: name === 'narrow' ? 70 : 90,
    marginRight: 20,
    marginBottom: UNDER,
    height: UNDER + 20 + 22 * benches.length,
    x: {
      ...timesAxis,
      type: 'log',
      grid: true,
      tickFormat: '~g',
      ticks: name === 'narrow' ? 3 : 8,
    },
    y: { label: null, tickSize: 0, domain: benches, type: 'point', padding: 0.6 },
    color: { type: 'identity' },
    marks: [
      Plot.ruleX([1], { strokeDasharray: '3 3' }),
      Plot.dot(points, {
        x: 'times',
        y: 'bench',
        fill: 'fill',
        fillOpacity: 0.85,
        r: 4.5,
        title: 'title',
      }),
    ],
  }));
}

interface Point {
  readonly subject: string;
  readonly x: number | string;
  readonly value: number;
}

function lines(points: readonly Point[], unit: string, height: number, x: object): string {
  return draw(({ name }) => ({
    marginLeft: 60,
    height: name === 'narrow' ? Math.min(height, 280) : height,
    x,
    y: { type: 'log', label: unit, grid: true, tickFormat: '~s', ticks: 5 },
    color: { range: palette, legend: true },
    marks: [
      Plot.line(points, { x: 'x', y: 'value', stroke: 'subject', strokeWidth: 2 }),
      Plot.dot(points, { x: 'x', y: 'value', fill: 'subject', r: 3 }),
    ],
  }));
}

/** A curve for each subject, both ways logarithmic: how its figure grows with a number. */
export function curves(results: readonly Result[], over: string): string {
  const points = results.map(({ subject, metric, value }) => ({
    subject,
    x: Number.parseFloat(metric.replace(/^\D+/, '')),
    value,
  }));
  const x = { type: 'log', label: over, tickFormat: ',', ticks: 4 };
  return lines(points, results[0]?.unit ?? '', 360, x);
}

/** Latency by percentile, a curve for each subject, on a logarithmic scale. */
export function percentiles(results: readonly Result[]): string {
  const points = results.map(({ subject, metric, value }) => ({
    subject,
    x: percentileOf(metric) as string,
    value,
  }));
  const x = { type: 'point', label: null, domain: [...new Set(points.map((point) => point.x))] };
  return lines(points, results[0]?.unit ?? '', 300, x);
}
