/** `nearmetal topology` draws every machine within the width asked, and as a picture. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { drawSvg } from '../lib/cli/topology-svg.js';
import { drawText } from '../lib/cli/topology-text.js';
import { readTopology } from '../lib/cpu/topology.js';
import { MACHINES, readerOf, writeTree } from './support/machines.js';
import { runNode } from './support/nouring.js';

const command = (...words: string[]) => runNode(['dist/cli.js', 'topology', ...words]);
const names = Object.keys(MACHINES) as (keyof typeof MACHINES)[];
const machine = (name: keyof typeof MACHINES) => readTopology(readerOf(MACHINES[name]()));

let root = '';
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'nearmetal-topology-'));
  for (const name of names) writeTree(MACHINES[name](), join(root, name));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Every tag that opens closes, in order. */
function checkNesting(svg: string): void {
  const open: string[] = [];
  for (const [, closing, tag = '', rest = ''] of svg.matchAll(/<(\/?)(\w+)([^>]*)>/g)) {
    if (closing !== '') expect(open.pop()).toBe(tag);
    else if (!rest.endsWith('/')) open.push(tag);
  }
  expect(open).toEqual([]);
}

describe.each(names)('%s', (name) => {
  test.each([60, 80, 120, 200])('as text of %i columns', (width) => {
    const lines = drawText(machine(name), width).split('\n');
    for (const line of lines.filter((each) => /[│┌└]/.test(each))) {
      expect(line.length).toBeLessThanOrEqual(width);
    }
    const [top = '', ...rest] = lines;
    const end = rest.findIndex((line) => line.startsWith('└'));
    for (const line of rest.slice(0, end + 1)) expect(line.length).toBe(top.length);
  });

  test('as text: every CPU once', () => {
    const drawn = drawText(machine(name), 100);
    const cpus = [...drawn.matchAll(/CPUs? ([\d ()*°]+?) *│/g)].flatMap(([, list = '']) =>
      (list.match(/\d+/g) ?? []).map(Number),
    );
    expect(cpus.sort((a, b) => a - b)).toEqual(machine(name).online.toArray());
  });

  test.each(['auto', 'light', 'dark'] as const)('as a picture, %s', (theme) => {
    const svg = drawSvg(machine(name), theme);
    checkNesting(svg);
    expect(svg).not.toMatch(/NaN|undefined|Infinity|\[object/);
    expect(svg.match(/class="number"/g)).toHaveLength(machine(name).online.size);
    expect(svg.includes('@media')).toBe(theme === 'auto');
  });
});

test('large machines are a list of cores and not a mile of boxes', () => {
  const cores = Array.from({ length: 128 }, (_, core) => [
    [`/sys/devices/system/cpu/cpu${core}/topology/core_cpus_list`, `${core},${core + 128}\n`],
    [`/sys/devices/system/cpu/cpu${core}/topology/core_id`, `${core}\n`],
  ]).flat();
  const files = { ...Object.fromEntries(cores), '/sys/devices/system/cpu/online': '0-255\n' };
  const drawn = drawText(readTopology(readerOf(files)), 100);
  expect(drawn.split('\n').length).toBeLessThan(30);
  expect(drawn).toContain('127: 127 255');
});

test('marks: not allowed, isolated, without a tick', () => {
  const drawn = drawText(machine('server'), 100);
  expect(drawn).toContain('CPUs (14*°) (30*°)');
  expect(drawn).toContain('(7) not for this process   7* isolated   7° without a timer tick');
  const svg = drawSvg(machine('server'), 'auto');
  expect(svg.match(/class="cpu isolated forbidden"/g)).toHaveLength(4);
  expect(svg).toContain('>no timer tick (nohz_full)</text>');
});

test('the command, over a saved tree and over this machine', () => {
  const text = command('--root', join(root, 'hybrid'), '--width', '90');
  expect(text.stderr).toBe('');
  expect(text.stdout).toContain('performance CPUs: 0-7');
  const json = JSON.parse(command('--root', join(root, 'server'), '--json').stdout);
  expect(json.packages).toHaveLength(2);
  const file = join(root, 'picture.svg');
  expect(command('--svg', file, '--theme', 'dark')).toMatchObject({ status: 0, stdout: '' });
  checkNesting(readFileSync(file, 'utf8'));
  expect(command('--svg', '-').stdout).toMatch(/^<svg /);
  expect(command().stdout).toMatch(/^┌/);
});

test('what is not known is refused', () => {
  for (const words of [['--nope'], ['--theme', 'pink'], ['--width', 'x'], ['more']]) {
    const { status, stderr } = command(...words);
    expect([words, status]).toEqual([words, 2]);
    expect(stderr).toContain('Usage: nearmetal topology');
  }
  expect(command('--help').stdout).toContain('Usage: nearmetal topology');
});

test('without an addon it still draws', () => {
  const { status, stdout } = runNode(['dist/cli.js', 'topology'], {
    env: { NEARMETAL_ADDON: '/nowhere.node' },
  });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^┌/);
});
