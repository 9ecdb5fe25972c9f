/** Draws the machine as a picture: boxes in boxes, each colour with a meaning. */
import type { Topology } from '../cpu/index.js';
import { notes } from './topology-text.js';
import { styleSheet, type Theme } from './topology-theme.js';
import { type Box, treeOf } from './topology-tree.js';

export type { Theme } from './topology-theme.js';

const GAP = 8;
const PAD = 12;
const TITLE = 22;
const BAR = 24;
const CPU = { width: 38, height: 30 };
/** Wider than tall, as pages and screens are. */
const ASPECT = 1.7;
const WIDTH_MAX = 1800;
const FONT = 12;

interface Placed {
  readonly box: Box;
  width: number;
  height: number;
  x: number;
  y: number;
  readonly children: Placed[];
  /** Boxes in its row, when the row is full. */
  columns: number;
  /** Halves of one level: drawn side by side. */
  readonly labels: readonly string[];
}

/** About as wide as the letters will be; no font can be measured here. */
const textWidth = (text: string, size = FONT): number => Math.ceil(text.length * size * 0.58);

const isBar = ({ kind }: Box): boolean => kind === 'cache' || kind === 'node';

function labelsOf(box: Box): string[] {
  if (box.kind === 'cpu') return [box.name];
  if (box.kind === 'cache' && box.facts.length > 1) {
    const [first = '', ...rest] = box.facts;
    return [`${box.name} ${first}`, ...rest];
  }
  const speed = box.speed === undefined ? [] : [box.speed];
  const joined = box.kind === 'cache' ? ' ' : ' · ';
  return [[box.name, ...speed, ...box.facts].join(joined)];
}

function layOut(box: Box): Placed {
  const labels = labelsOf(box);
  if (box.kind === 'cpu') return { box, ...CPU, x: 0, y: 0, columns: 1, children: [], labels };
  const children = box.children.map(layOut);
  const framed = !isBar(box);
  const pad = framed ? PAD : 0;
  const head = framed ? TITLE : BAR;
  const least = labels.length * (textWidth(labels.reduce(longest, '')) + 2 * PAD);
  const top = head + (framed ? 4 : GAP);
  // Nodes of memory alone come last: they are bars, as wide as all the rest.
  const size = arrange(children);
  for (const child of children) child.y += top;
  const width = Math.max(size.width + 2 * pad, least);
  const height = (children.length > 0 ? top + size.height : head) + (framed ? pad : 0);
  return { box, width, height, x: 0, y: 0, columns: 1, children, labels };
}

const longest = (left: string, right: string): string =>
  right.length > left.length ? right : left;

/** Boxes that look alike stand in columns of their own, above or below those that do not. */
function arrange(children: Placed[]): { width: number; height: number } {
  const shapes = new Map<string, Placed[]>();
  for (const child of children) {
    const shape = `${child.width}x${child.height}`;
    shapes.set(shape, [...(shapes.get(shape) ?? []), child]);
  }
  let [width, height] = [0, 0];
  for (const alike of shapes.values()) {
    const top = height === 0 ? 0 : height + GAP;
    const size = intoColumns(alike, top);
    width = Math.max(width, size.width);
    height = top + size.height;
  }
  return { width, height };
}

/** As many columns as make the whole nearest to a page's shape. */
function intoColumns(alike: Placed[], top: number): { width: number; height: number } {
  const count = alike.length;
  const { width = 0, height = 0, box } = alike[0] ?? {};
  const [wide, tall] = [width + GAP, height + GAP];
  const cost = (columns: number) => {
    const rows = Math.ceil(count / columns);
    const shape = Math.abs(Math.log((columns * wide) / (rows * tall) / ASPECT));
    const holes = (columns * rows - count) / count;
    return shape + 2 * holes + (columns * wide > WIDTH_MAX && columns > 1 ? 100 : 0);
  };
  const choices = Array.from({ length: count }, (_, index) => index + 1);
  const threads = box?.kind === 'cpu' && count <= 4;
  const columns = threads ? count : choices.reduce((a, b) => (cost(b) < cost(a) ? b : a));
  for (const [index, child] of alike.entries()) {
    child.columns = columns;
    child.x = (index % columns) * wide;
    child.y = top + Math.floor(index / columns) * tall;
  }
  return { width: columns * wide - GAP, height: Math.ceil(count / columns) * tall - GAP };
}

/** Gives the children of a box that became wider their share of it. */
function stretch(placed: Placed, width: number): void {
  placed.width = width;
  const pad = isBar(placed.box) ? 0 : PAD;
  const rows = new Map<number, number>();
  for (const child of placed.children) {
    const column = rows.get(child.y) ?? 0;
    rows.set(child.y, column + 1);
    const share = (width - 2 * pad - (child.columns - 1) * GAP) / child.columns;
    child.x = pad + column * (share + GAP);
    stretch(child, share);
  }
}

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

const rect = (kind: string, x: number, y: number, width: number, height: number, round = 5) =>
  `<rect class="${kind}" x="${round2(x)}" y="${round2(y)}" width="${round2(width)}" ` +
  `height="${round2(height)}" rx="${round}"/>`;

const round2 = (value: number): number => Math.round(value * 100) / 100;

const text = (kind: string, x: number, y: number, words: string) =>
  `<text class="${kind}" x="${round2(x)}" y="${round2(y)}">${escaped(words)}</text>`;

function classOf(box: Box, machine: Topology): string {
  if (box.kind === 'cache') return `cache${Math.min(box.level ?? 1, 3)}`;
  if (box.kind === 'core') return `core ${(box.speed ?? '').replace(/-\d+$/, '')}`.trim();
  if (box.cpu === undefined) return box.kind;
  const isolated = box.cpu.isolated ? ' isolated' : '';
  return `cpu${isolated}${machine.allowed.has(box.cpu.id) ? '' : ' forbidden'}`;
}

function tooltip(box: Box, machine: Topology): string {
  const { cpu } = box;
  if (cpu === undefined) return escaped([box.name, ...box.facts, `CPUs ${box.cpus}`].join(' · '));
  const facts = [
    `CPU ${cpu.id}`,
    cpu.kind,
    cpu.node === undefined ? undefined : `NUMA node ${cpu.node}`,
    cpu.frequency?.maxKhz === undefined
      ? undefined
      : `up to ${(cpu.frequency.maxKhz / 1e6).toFixed(2)} GHz`,
    cpu.isolated ? 'isolated' : undefined,
    cpu.nohzFull ? 'no timer tick' : undefined,
    machine.allowed.has(cpu.id) ? undefined : 'not for this process',
  ];
  return escaped(facts.filter(Boolean).join(' · '));
}

function paint(
  { box, x, y, width, height, children, labels }: Placed,
  machine: Topology,
): string[] {
  const kind = classOf(box, machine);
  const lines = [`<g transform="translate(${round2(x)} ${round2(y)})">`];
  lines.push(`<title>${tooltip(box, machine)}</title>`);
  if (box.kind === 'cpu') {
    lines.push(
      rect(kind, 0, 0, width, height, 4),
      text('number', width / 2, height / 2 + 4, box.name),
    );
    if (box.cpu?.nohzFull) lines.push(`<circle class="tickless" cx="${width - 7}" cy="7" r="3"/>`);
  } else if (isBar(box)) {
    const each = (width - (labels.length - 1) * 4) / labels.length;
    for (const [index, label] of labels.entries()) {
      const at = index * (each + 4);
      lines.push(rect(kind, at, 0, each, BAR, 4), text('bar', at + each / 2, BAR / 2 + 4, label));
    }
  } else {
    lines.push(rect(kind, 0, 0, width, height, box.kind === 'core' ? 5 : 8));
    lines.push(text(box.kind === 'core' ? 'small' : 'title', PAD, TITLE - 6, labels[0] ?? ''));
  }
  for (const child of children) lines.push(...paint(child, machine));
  lines.push('</g>');
  return lines;
}

/** Only what the picture shows: a class of the style sheet and what it means. */
function legendOf(machine: Topology): (readonly [kind: string, meaning: string])[] {
  const kinds = machine.kinds.map(({ name }) => name.replace(/-\d+$/, ''));
  const levels = [...new Set(machine.caches.map(({ level }) => Math.min(level, 3)))].sort();
  return [
    ['node', 'memory of a NUMA node'],
    ...levels.reverse().map((level) => [`cache${level}`, `L${level} cache`] as const),
    ...[...new Set(kinds)].map((name) => [`core ${name}`, `${name} core`] as const),
    ...(kinds.length === 0 ? [['core', 'core'] as const] : []),
    ['cpu', 'logical CPU'],
    ...(machine.online.isSubsetOf(machine.allowed)
      ? []
      : [['cpu forbidden', 'not for this process'] as const]),
    ...(machine.isolated.isDisjointFrom(machine.online)
      ? []
      : [['cpu isolated', 'isolated'] as const]),
    ...(machine.nohzFull.isDisjointFrom(machine.online)
      ? []
      : [['tickless', 'no timer tick (nohz_full)'] as const]),
  ];
}

function paintLegend(
  machine: Topology,
  top: number,
  width: number,
): { lines: string[]; bottom: number } {
  const lines: string[] = [];
  let [x, y] = [0, top];
  for (const [kind, meaning] of legendOf(machine)) {
    const wide = 26 + textWidth(meaning) + 18;
    if (x > 0 && x + wide > width) [x, y] = [0, y + 24];
    const swatch =
      kind === 'tickless'
        ? `<circle class="tickless" cx="${x + 9}" cy="${y + 7}" r="4"/>`
        : rect(kind, x, y, 18, 14, 3);
    lines.push(swatch, text('small', x + 26, y + 11, meaning));
    x += wide;
  }
  y += 34;
  for (const note of notes(machine)) {
    lines.push(text('small', 0, y, note.trimEnd()));
    y += 17;
  }
  return { lines, bottom: y };
}

/** The whole picture as one SVG file that needs nothing else. */
export function drawSvg(machine: Topology, theme: Theme): string {
  const root = layOut(treeOf(machine));
  const margin = 20;
  const legendTop = root.height + 18;
  const width = Math.max(root.width, 380);
  stretch(root, width);
  const legend = paintLegend(machine, legendTop, width);
  const whole = [width + 2 * margin, legend.bottom + 2 * margin - 14].map(Math.ceil);
  const description = [root.box.name, ...root.box.facts].join(', ');
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="topology-title"`,
    `  width="${whole[0]}" height="${whole[1]}" viewBox="0 0 ${whole.join(' ')}">`,
    `<title id="topology-title">Topology: ${escaped(description)}</title>`,
    `<style>${styleSheet(theme)}</style>`,
    `<rect class="ground" width="100%" height="100%"/>`,
    `<g transform="translate(${margin} ${margin})">`,
    ...paint(root, machine),
    ...legend.lines,
    '</g>',
    '</svg>',
  ].join('\n')}\n`;
}
