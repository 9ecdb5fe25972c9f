/** What the benchmarks make of their rounds: statistics, comparisons, and the page. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare, comparison } from '../bench/_lib/compare.js';
import { page } from '../bench/_lib/html.js';
import { settle } from '../bench/_lib/interleave.js';
import { parse } from '../bench/_lib/options.js';
import { KEPT, pages } from '../bench/_lib/published.js';
import { load, type Run, renewed, save } from '../bench/_lib/saved.js';
import type { Result } from '../bench/_lib/session.js';
import {
  change,
  interval,
  median,
  outliers,
  quantile,
  ratios,
  verdict,
} from '../bench/_lib/statistics.js';

describe('statistics', () => {
  it('finds medians and quantiles between values', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(quantile([0, 10], 0.25)).toBe(2.5);
    expect(ratios([2, 9], [1, 3])).toEqual([2, 3]);
  });

  it('gives an interval around the median, always the same, that narrows with rounds', () => {
    const few = [1, 1.1, 0.9, 1.05, 0.95];
    const many = Array.from({ length: 20 }, () => few).flat();
    const [low, high] = interval(few);
    expect(low).toBeLessThanOrEqual(1);
    expect(high).toBeGreaterThanOrEqual(1);
    expect(interval(few)).toEqual([low, high]);
    const [nearLow, nearHigh] = interval(many);
    expect(nearHigh - nearLow).toBeLessThan(high - low);
  });

  // Rounds drawn from one population: their median's interval should miss it about once in twenty.
  it('misses the true median about as seldom as it says', () => {
    let state = 7;
    const draw = () => {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      return (state >>> 0) / 2 ** 32;
    };
    let held = 0;
    for (let trial = 0; trial < 200; trial++) {
      const [low, high] = interval(Array.from({ length: 15 }, draw));
      if (low <= 0.5 && high >= 0.5) held++;
    }
    expect(held).toBeGreaterThan(170);
  });

  it('names what lies far out, and nothing in even rounds', () => {
    expect(outliers([10, 11, 10, 12, 11, 40])).toEqual([40]);
    expect(outliers([10, 11, 10, 12, 11])).toEqual([]);
    expect(outliers([1, 100])).toEqual([]);
  });

  it('calls a change noise until its interval leaves 1 out', () => {
    const before = [1, 1.02, 0.98, 1.01, 0.99];
    const twice = before.map((value) => 2 * value);
    expect(verdict(change(before, before), 'lower')).toBe('noise');
    expect(verdict(change(before, twice), 'lower')).toBe('worse');
    expect(verdict(change(before, twice), 'higher')).toBe('better');
    expect(verdict(change(twice, before), 'lower')).toBe('better');
  });
});

it('lets each contestant run until two turns agree, and no longer than it may', async () => {
  const turns = { quick: 0, never: 0 };
  const figures = [10, 5, 5.1];
  await settle(
    [
      { subject: 'quick', turn: async () => ({ figures: { ns: figures[turns.quick++] ?? 0 } }) },
      { subject: 'never', turn: async () => ({ figures: { ns: 2 ** turns.never++ } }) },
    ],
    'ns',
    6,
    () => {},
  );
  expect(turns).toEqual({ quick: 3, never: 6 });
});

describe('the words of the command', () => {
  it('takes names and options in any order', () => {
    expect(parse(['nop', '--quick', '--json', 'a.json', 'echo', '--html', 'a.html'])).toMatchObject(
      {
        names: ['nop', 'echo'],
        pace: 'quick',
        json: false,
        jsonFile: 'a.json',
        htmlFile: 'a.html',
      },
    );
    expect(parse(['--json', 'nop'])).toMatchObject({ names: ['nop'], json: true });
    expect(parse(['--compare', 'a', 'b'])).toMatchObject({ compare: ['a', 'b'] });
  });

  it.each([
    [['--fast'], /unknown option --fast/],
    [['--compare', 'a'], /--compare needs a file/],
    [['--html', '--quick'], /--html needs a file/],
    [['--quick', '--full'], /two paces/],
  ])('refuses %j', (words, message) => {
    expect(() => parse(words)).toThrow(message);
  });
});

const result = (subject: string, rounds: number[], extra: Partial<Result> = {}): Result => ({
  bench: 'nop',
  subject,
  metric: 'batch 1',
  value: median(rounds) * 100,
  unit: 'ns/op',
  reference: 'C',
  ratio: median(rounds),
  interval: interval(rounds),
  rounds,
  cpuUsPerOp: undefined,
  better: 'lower',
  spread: 0.1,
  outliers: 0,
  ...extra,
});

const run = (...results: Result[]): Run => ({
  format: 'nearmetal bench 1',
  date: '2026-01-01T00:00',
  command: 'nearmetal bench nop',
  pace: 'full',
  machine: [['CPU', 'a <fast> one']],
  noise: [],
  absent: ['missing: Bun: not here'],
  benches: [{ name: 'nop', title: 'one NOP', view: undefined }],
  results,
});

const even = [1.2, 1.21, 1.19, 1.2, 1.22];

describe('a run that was kept', () => {
  it('comes back as it was', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'nearmetal-bench-')), 'run.json');
    save(path, run(result('nearmetal', even)));
    expect(load(path)).toEqual(JSON.parse(JSON.stringify(run(result('nearmetal', even)))));
    writeFileSync(path, '{"format":"other"}');
    expect(() => load(path)).toThrow(/was not written by bench --json/);
    expect(() => load(`${path}.none`)).toThrow(RangeError);
  });

  it('is compared row by row, by ratios, and says what only one of the two has', () => {
    const old = run(result('C', [1, 1]), result('nearmetal', even), result('gone', even));
    const faster = run(
      result('C', [1, 1]),
      result(
        'nearmetal',
        even.map((value) => value / 2),
      ),
    );
    expect(compare(old, faster)).toMatchObject([{ times: 0.5, verdict: 'better' }]);
    expect(compare(old, old).map(({ verdict }) => verdict)).toEqual(['noise', 'noise']);
    const text = comparison(old, faster);
    expect(text).toMatch(/nop batch 1, nearmetal +1\.20 +0\.600 +C +-50\.0% .* better/);
    expect(text).toMatch(/only in old: nop batch 1, gone/);
  });

  it('becomes a page that needs nothing else, and escapes what it shows', () => {
    const html = page(
      run(
        result('C', [1, 1]),
        result('nearmetal', even, { counts: { systemCalls: 0.0156, events: { cycles: 77 } } }),
        result('nearmetal', even, { metric: 'echo p50', unit: 'us' }),
        result('nearmetal', even, { metric: 'echo p99', unit: 'us' }),
      ),
    );
    expect(html).toContain('a &lt;fast&gt; one');
    expect(html).toContain('Missing: Bun: not here');
    expect(html).toMatch(/0\.83x/);
    expect(html.match(/<h3>/g)?.length).toBe(2);
    expect(html).toMatch(/latency by percentile/);
    expect(html).toMatch(/Where it loses.*<td class="lose">0\.83x.*All rows/s);
    expect(html).toMatch(/0\.016 calls/);
    expect(html).toMatch(/cycles\/op.*<td>77\.0<\/td>/s);
    // For a page and for a phone.
    expect(html.match(/class="wide"/g)?.length).toBe(html.match(/class="narrow"/g)?.length);
    const outside = html
      .replaceAll('http://www.w3.org/', '')
      .match(/https?:|<script|<link|@import/);
    expect(outside).toBeNull();
  });
});

it('the page is not loaded by a run that draws none', () => {
  expect(readFileSync('dist/bench/run.js', 'utf8')).not.toMatch(/^import .*html\.js/m);
});

it('what a later run measured again stands in the place of what was there', () => {
  const result = (bench: string, value: number) => ({ bench, value }) as Result;
  const bench = (name: string) => ({ name, title: name, view: undefined });
  const run = (command: string, part: Partial<Run>): Run =>
    ({ ...load(KEPT), command, noise: ['load'], absent: [], ...part }) as Run;
  const first = run('bench all', {
    absent: ['FAILED: proxy: fetch ended', 'missing: Bun: no bun', 'missing: numa farthest: one'],
    benches: [bench('nop'), bench('proxy'), bench('numa')],
    results: [result('nop', 1), result('proxy', 2), result('numa', 3)],
  });
  const second = run('bench proxy numa', {
    absent: ['missing: Bun: no bun'],
    benches: [bench('proxy'), bench('numa')],
    results: [result('proxy', 4), result('numa', 5)],
  });
  const both = renewed(first, second);
  expect(both.results.map(({ value }) => value)).toEqual([1, 4, 5]);
  expect(both.benches.map(({ name }) => name)).toEqual(['nop', 'proxy', 'numa']);
  expect(both.absent).toEqual(['missing: Bun: no bun']);
  expect(both.noise).toEqual(['load']);
  expect(both.command).toBe('bench all; bench proxy numa');
});

it('README and docs show the figures of the run that is kept', () => {
  for (const [path, text] of Object.entries(pages(load(KEPT)))) {
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
});
