/** What an operation takes beside time is counted, and named as missing where it cannot be. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { countEvents } from '../bench/_lib/counters.js';
import { Counting } from '../bench/_lib/counting.js';
import { family } from '../bench/_lib/family.js';
import { MissingPeer } from '../bench/_lib/missing.js';
import { Child } from '../bench/_lib/process.js';
import { countSystemCalls, parseSummary, whyNotCounted } from '../bench/_lib/system-calls.js';
import type { Work } from '../bench/_lib/work.js';
import { needs } from './support/needs.js';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.splice(0)) await undo();
});

/** For each line, makes as many system calls as it says, one for each, and answers. */
const caller = `
  const { accessSync } = require('node:fs');
  const { createInterface } = require('node:readline');
  createInterface({ input: process.stdin }).on('line', (line) => {
    for (let call = 0; call < Number(line); call++) accessSync('/');
    console.log(JSON.stringify({ operations: Number(line), ns: 1, cpu_ns: 1 }));
  });`;

function start(): Child {
  const child = new Child('caller', [process.execPath, '-e', caller]);
  cleanUp.push(() => child.stop());
  return child;
}

describe('families', () => {
  it('are a process and all that it started', async () => {
    const shell = spawn('sh', ['-c', 'sleep 60 & sleep 60 & wait'], { stdio: 'ignore' });
    const pid = shell.pid as number;
    cleanUp.push(async () => {
      for (const each of family(pid)) process.kill(each, 'SIGKILL');
      await once(shell, 'close');
    });
    await expect.poll(() => family(pid).length).toBe(3);
    expect(family(pid)[0]).toBe(pid);
    expect(family(process.pid)).toContain(pid);
  });
});

describe('the summary of strace', () => {
  it('is summed without its total, with and without errors', () => {
    const text = `strace: Process 7 attached
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.54    0.000016           5         3           write
 38.46    0.000010           3        12         2 futex
------ ----------- ----------- --------- --------- ----------------
100.00    0.000026           4        15         2 total
`;
    expect(parseSummary(text)).toBe(15);
    expect(parseSummary('strace: Process 7 attached\n')).toBe(0);
  });
});

describe('system calls', () => {
  it('are counted while a turn runs, and only then', async () => {
    needs('program:strace');
    const child = start();
    await child.ask<Work>('100');
    const few = await countSystemCalls(child.pid, () => child.ask<Work>('10'));
    const many = await countSystemCalls(child.pid, () => child.ask<Work>('1010'));
    expect(many.answer.operations).toBe(1010);
    // What the line itself takes is in both.
    const each = (many.calls - few.calls) / 1000;
    expect(Math.round(each)).toBe(1);
    expect(child.runs).toBe(true);
  });

  it('of a process that is gone are refused', async () => {
    needs('program:strace');
    const child = start();
    await child.stop();
    const counted = countSystemCalls(child.pid, async () => 1);
    await expect(counted).rejects.toThrow(MissingPeer);
  });

  it('belong to an operation, or are not said', async () => {
    const counting = new Counting();
    const child = start();
    const turn = async () => ({
      figures: {},
      operations: (await child.ask<Work>('5000')).operations,
    });
    expect(await counting.count({ subject: 'without a process', turn })).toEqual({});
    const { systemCalls } = await counting.count({ subject: 'caller', pid: child.pid, turn });
    const facts = new Map(counting.facts);
    if (whyNotCounted() === undefined) {
      expect(systemCalls).toBeGreaterThanOrEqual(1);
      expect(systemCalls).toBeLessThan(2);
      expect(facts.get('system calls')).toMatch(/^counted by strace/);
    } else {
      expect(systemCalls).toBeUndefined();
      expect(facts.get('system calls')).toMatch(/^not counted: no strace/);
    }
    expect(facts.get('CPU counters')).toMatch(/cycles/);
  });
});

describe('counters of the kernel', () => {
  it('count all threads of a process while a turn runs', async () => {
    const child = start();
    await child.ask<Work>('10');
    const { counts } = await countEvents(child.pid, ['task-clock'], () => child.ask<Work>('20000'));
    expect(counts['task-clock']).toBeGreaterThan(0);
    const idle = await countEvents(child.pid, ['task-clock'], async () => {});
    expect(idle.counts['task-clock'] ?? 0).toBeLessThan(counts['task-clock'] as number);
  });
});
