/** Draws the machine with letters, as wide as the terminal. */
import type { Cpu, Topology } from '../cpu/index.js';
import { type Box, chainOf, isLeaf, roughBytes, treeOf } from './topology-tree.js';

/** Above so many cores, each is one entry of a list and not a box. */
const BOXES_MAX = 24;
const GAP = ' ';

type Block = string[];

const widthOf = (block: Block): number => Math.max(0, ...block.map((line) => line.length));

/** (7) may not be used here, 7* is isolated, 7° has no timer tick. */
function cpuMark(cpu: Cpu, machine: Topology): string {
  const marks = `${cpu.id}${cpu.isolated ? '*' : ''}${cpu.nohzFull ? '°' : ''}`;
  return machine.allowed.has(cpu.id) ? marks : `(${marks})`;
}

function frame(title: string, lines: Block, width = 0): Block {
  const inner = Math.max(widthOf(lines), title.length, width - 4);
  const top = title === '' ? '─'.repeat(inner + 2) : ` ${title} `.padEnd(inner + 2, '─');
  return [
    `┌${top}┐`,
    ...lines.map((line) => `│ ${line.padEnd(inner)} │`),
    `└${'─'.repeat(inner + 2)}┘`,
  ];
}

/** Side by side, as many as fit. */
function flow(blocks: readonly Block[], width: number): Block {
  const lines: Block = [];
  let row: Block[] = [];
  const widths = () => row.reduce((sum, block) => sum + widthOf(block) + GAP.length, 0);
  const flush = () => {
    const height = Math.max(0, ...row.map((block) => block.length));
    for (let at = 0; at < height; at++) {
      lines.push(
        row
          .map((block) => (block[at] ?? '').padEnd(widthOf(block)))
          .join(GAP)
          .trimEnd(),
      );
    }
    row = [];
  };
  for (const block of blocks) {
    if (row.length > 0 && widths() + widthOf(block) > width) flush();
    row.push(block);
  }
  flush();
  return lines;
}

/** Words in lines that are no wider than asked. */
function wrap(words: readonly string[], width: number): Block {
  const lines: Block = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 2 + word.length <= width) {
      lines[lines.length - 1] = `${last}  ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** 'L2 1 MiB', 'NUMA node 0', '64 GiB': what may stand on lines of its own. */
function wordsOf({ kind, name, facts }: Box): string[] {
  const [first, ...rest] = facts;
  return kind === 'cache' && first !== undefined ? [`${name} ${first}`, ...rest] : [name, ...facts];
}

const described = (box: Box): string => wordsOf(box).join(' · ');

/** As many words as one title holds, and the others. */
function titleOf([name = '', ...facts]: readonly string[], width: number): Title {
  let title = name.length <= width ? name : `${name.slice(0, width - 1)}…`;
  let taken = 0;
  for (const fact of facts) {
    if (title.length + 3 + fact.length > width) break;
    title += ` · ${fact}`;
    taken++;
  }
  return { title, left: facts.slice(taken) };
}

interface Title {
  title: string;
  left: string[];
}

class Drawing {
  readonly #machine: Topology;
  readonly #compact: boolean;

  constructor(machine: Topology) {
    this.#machine = machine;
    this.#compact = machine.cores.length > BOXES_MAX;
  }

  draw(box: Box, width: number): Block {
    const { chain, children } = chainOf(box);
    if (isLeaf(box) && chain.at(-1)?.children[0]?.kind === 'cpu')
      return this.#core(chain, children);
    const [first, ...rest] = chain.map(wordsOf);
    const inner = width - 4;
    const { title, left } = titleOf(first ?? [], inner);
    const lines = [left, ...rest].flatMap((words) => wrap(words, inner));
    return frame(title, [...lines, ...this.#children(children, inner)]);
  }

  #children(children: readonly Box[], width: number): Block {
    const leaves = children.filter((child) => isLeaf(child));
    if (this.#compact && leaves.length > 1) {
      const others = children.filter((child) => !leaves.includes(child));
      return [...this.#list(leaves, width), ...this.#children(others, width)];
    }
    let blocks = children.map((child) => this.draw(child, width));
    const widest = Math.max(0, ...blocks.map(widthOf));
    // Boxes of a kind stand in columns.
    if (leaves.length === children.length) blocks = blocks.map((block) => widen(block, widest));
    return flow(blocks, width);
  }

  /** The caches of a core are lines in its box. */
  #core(chain: readonly Box[], cpus: readonly Box[]): Block {
    const core = chain.findLast(({ kind }) => kind === 'core') ?? chain[0];
    const caches = chain.filter((each) => each !== core).flatMap(wordsOf);
    const word = cpus.length === 1 ? 'CPU' : 'CPUs';
    const marks = cpus.map(({ cpu }) => (cpu === undefined ? '' : cpuMark(cpu, this.#machine)));
    const speed = core?.speed === undefined ? [] : [core.speed];
    return frame(core?.name ?? '', [...speed, ...caches, `${word} ${marks.join(' ')}`]);
  }

  /** What is the same for all is said once. */
  #list(leaves: readonly Box[], width: number): Block {
    const lines: Block = [];
    const groups = new Map<string, string[]>();
    for (const leaf of leaves) {
      const { chain, children } = chainOf(leaf);
      const core = chain.findLast(({ kind }) => kind === 'core');
      const each = chain.filter((box) => box !== core).map(described);
      const key = [`${core?.speed ?? ''} cores`.trim(), ...each].join(' · ');
      const marks = children.map(({ cpu }) =>
        cpu === undefined ? '' : cpuMark(cpu, this.#machine),
      );
      const words = `${core?.name.replace('Core ', '') ?? '?'}: ${marks.join(' ')}`;
      groups.set(key, [...(groups.get(key) ?? []), words]);
    }
    for (const [key, words] of groups) {
      lines.push(...wrap(`${words.length} ${key}`.split(' · '), width));
      const column = Math.max(...words.map((word) => word.length));
      lines.push(
        ...wrap(
          words.map((word) => word.padEnd(column)),
          width,
        ).map((line) => line.trimEnd()),
      );
    }
    return lines;
  }
}

/** Makes a framed block wider. */
function widen(block: Block, width: number): Block {
  return block.map((line, at) => {
    const more = width - line.length;
    const filling = (at === 0 || at === block.length - 1 ? '─' : ' ').repeat(Math.max(0, more));
    return `${line.slice(0, -1)}${filling}${line.slice(-1)}`;
  });
}

/** The kinds of CPU, what is set apart, and what the cgroup leaves. */
export function notes(machine: Topology): string[] {
  const lines: string[] = [];
  const ghz = (khz: number | undefined) =>
    khz === undefined ? '' : `, up to ${(khz / 1e6).toFixed(1)} GHz`;
  for (const { name, cpus, capacity, maxKhz } of machine.kinds) {
    const share = capacity === undefined ? '' : `, capacity ${capacity} of 1024`;
    lines.push(`${name} CPUs: ${cpus}${share}${ghz(maxKhz)}`);
  }
  const { allowed, isolated, nohzFull, offline, cgroup } = machine;
  if (!allowed.equals(machine.online)) lines.push(`this process may use ${allowed}`);
  if (!isolated.isEmpty) lines.push(`isolated: ${isolated}`);
  if (!nohzFull.isEmpty) lines.push(`without a timer tick (nohz_full): ${nohzFull}`);
  if (!offline.isEmpty) lines.push(`offline: ${offline}`);
  if (cgroup.cpuQuota !== undefined) lines.push(`cgroup quota: ${cgroup.cpuQuota} CPUs of time`);
  if (cgroup.memoryMax !== undefined) lines.push(`cgroup memory: ${roughBytes(cgroup.memoryMax)}`);
  if (machine.nodes.length > 1) {
    lines.push('distances between nodes:');
    for (const { id, distances } of machine.nodes) {
      lines.push(`  node ${id}: ${distances.map((each) => String(each).padStart(3)).join(' ')}`);
    }
  }
  return lines;
}

function legend(machine: Topology): string[] {
  const marks: string[] = [];
  if (!machine.online.isSubsetOf(machine.allowed)) marks.push('(7) not for this process');
  if (!machine.isolated.isDisjointFrom(machine.online)) marks.push('7* isolated');
  if (!machine.nohzFull.isDisjointFrom(machine.online)) marks.push('7° without a timer tick');
  return marks.length === 0 ? [] : [marks.join('   ')];
}

/** The whole drawing, no line wider than `width` where that can be. */
export function drawText(machine: Topology, width: number): string {
  const drawn = new Drawing(machine).draw(treeOf(machine), width);
  return `${[...drawn, ...legend(machine), ...notes(machine)].join('\n')}\n`;
}
