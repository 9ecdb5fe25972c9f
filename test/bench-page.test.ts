/**
 * The page of a run, as Chromium shows it: light and dark, on a phone and on paper. Pictures of it
 * are kept in build/report. `npm run test:report` runs this alone, and fails without Chromium.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { page } from '../bench/_lib/html.js';
import { root } from '../bench/_lib/paths.js';
import { KEPT } from '../bench/_lib/published.js';
import { load, type Run } from '../bench/_lib/saved.js';
import type { Result } from '../bench/_lib/session.js';
import { Chromium } from './support/chromium.js';
import { has, needs } from './support/needs.js';

const folder = join(root, 'build/report');
const required = process.env['NEARMETAL_CHROMIUM'] === 'required';

/** The run that is published, with a benchmark of curves in case that has none. */
function shown(): Run {
  const kept = load(KEPT);
  const curve = (subject: string, factor: number): Result[] =>
    [10, 100, 1000, 10_000].map((count) => ({
      ...(kept.results[0] as Result),
      bench: 'curves',
      subject,
      metric: `${count}`,
      value: factor * count ** 0.5,
    }));
  return {
    ...kept,
    benches: [
      ...kept.benches,
      { name: 'curves', title: 'made up, to see curves', view: { over: 'descriptors' } },
    ],
    results: [...kept.results, ...curve('C', 10), ...curve('nearmetal', 12), ...curve('node', 90)],
  };
}

const looks = [
  { name: 'light', width: 1280, scheme: 'light' },
  { name: 'dark', width: 1280, scheme: 'dark' },
  { name: 'phone', width: 390, scheme: 'light' },
  { name: 'phone-dark', width: 390, scheme: 'dark' },
  { name: 'print', width: 794, scheme: 'dark', medium: 'print' },
];

/** Of what is shown: how wide all is, how large each chart, and how well each text stands out. */
const survey = `(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const linear = (c) => c <= 10 ? c / 3294.6 : ((c / 255 + 0.055) / 1.055) ** 2.4;
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  const backOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const back = channels(getComputedStyle(at).backgroundColor);
      if (back.length < 4 || back[3] > 0) return back;
    }
    return [255, 255, 255];
  };
  const contrast = (element) => {
    const style = getComputedStyle(element);
    const [one, two] = [light(channels(style.color)), light(backOf(element))];
    return (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
  };
  const visible = (element) => element.getClientRects().length > 0;
  const texts = [...document.querySelectorAll('h1,h2,h3,p,dt,dd,th,td,a,li,summary,svg text,code')];
  // Without the samples of colour in a legend.
  const drawn = [...document.querySelectorAll('figure svg[viewBox]')];
  const charts = drawn.filter(visible).map((svg) => {
    const { width, height, right } = svg.getBoundingClientRect();
    return { width, height, right, marks: svg.querySelectorAll('path,rect,circle').length };
  });
  return {
    wide: document.documentElement.scrollWidth,
    high: document.documentElement.scrollHeight,
    shown: innerWidth,
    back: light(channels(getComputedStyle(document.body).backgroundColor)),
    charts,
    faint: texts.filter((text) => visible(text) && contrast(text) < 4.5)
      .map((text) => [text.tagName, text.textContent.slice(0, 40), contrast(text)].join(' ')),
    small: [...document.querySelectorAll('svg text')].filter((text) => {
      const svg = text.ownerSVGElement;
      const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
      return visible(text) && parseFloat(getComputedStyle(text).fontSize) * scale < 10;
    }).map((text) => text.textContent),
  };
})()`;

interface Survey {
  readonly wide: number;
  readonly high: number;
  readonly shown: number;
  /** From 0, black, to 1. */
  readonly back: number;
  readonly charts: { width: number; height: number; right: number; marks: number }[];
  readonly faint: string[];
  readonly small: string[];
}

const PICTURE_HEIGHT_MOST = 6000;
/** As much as an eye takes in. */
const PICTURE_TOP = 1600;

describe('the page in Chromium', () => {
  let browser: Chromium | undefined;
  const file = join(folder, 'report.html');

  beforeAll(async () => {
    if (!has('program:chromium')) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, page(shown()));
    browser = await Chromium.start();
  }, 60_000);
  afterAll(() => browser?.close());

  it.each(looks)(
    '$name: complete, within its width and readable',
    async ({ name, ...look }) => {
      if (!required) needs('program:chromium');
      if (browser === undefined) {
        throw new Error('no chromium in PATH (Debian: apt-get install chromium)');
      }
      await browser.open(pathToFileURL(file).href, look);
      const found = await browser.evaluate<Survey>(survey);
      const height = Math.min(found.high, PICTURE_HEIGHT_MOST);
      writeFileSync(join(folder, `${name}.png`), await browser.screenshot(look.width, height));
      const top = await browser.screenshot(look.width, Math.min(height, PICTURE_TOP));
      writeFileSync(join(folder, `${name}-top.png`), top);
      expect(browser.complaints).toEqual([]);
      expect(found.wide).toBeLessThanOrEqual(found.shown);
      expect(found.charts.length).toBeGreaterThan(shown().benches.length);
      for (const chart of found.charts) {
        expect(chart.width).toBeGreaterThan(look.width / 2);
        expect(chart.height).toBeGreaterThan(60);
        expect(chart.right).toBeLessThanOrEqual(look.width);
        expect(chart.marks).toBeGreaterThan(0);
      }
      expect(found.faint).toEqual([]);
      expect(found.small).toEqual([]);
      // Paper is white whatever the screen is.
      const dark = look.scheme === 'dark' && look.medium !== 'print';
      expect(found.back > 0.5).toBe(!dark);
      expect(readFileSync(join(folder, `${name}.png`)).length).toBeGreaterThan(10_000);
    },
    60_000,
  );
});
