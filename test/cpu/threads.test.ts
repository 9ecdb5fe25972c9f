/** Every thread of a process gets its role, and can be placed by it. */
import { expect, test } from 'vitest';
import { evaluate } from '../support/nouring.js';

type Told = { role: string; evidence: string; cpus: string; lastCpu: number; bound: boolean }[];

/** One worker that has loaded the package and one that has not, and a pool that is at work. */
const SETTING = `
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as cpu from 'nearmetal/cpu';
const wait =
  'setInterval(() => {}, 1000);' +
  'import("node:worker_threads").then(({ parentPort }) => parentPort.postMessage(0));';
const load = 'import("nearmetal/cpu").then(() => {' + wait + '});';
const workers = [new Worker(load, { eval: true }), new Worker(wait, { eval: true })];
await Promise.all(workers.map((worker) => once(worker, 'message')));
const say = (value) => { console.log(JSON.stringify(value)); process.exit(0); };
`;

const count = (threads: Told, role: string) => threads.filter((each) => each.role === role).length;

test('all are told apart, once the pool was asked', () => {
  const told = evaluate(`${SETTING} say(await cpu.identifyThreads());`, {
    env: { UV_THREADPOOL_SIZE: '3' },
  }) as Told;
  const named = told.some(({ role, evidence }) => role === 'inspector' && evidence === 'name');
  expect(count(told, 'main')).toBe(1);
  expect(count(told, 'libuv-pool')).toBe(3);
  expect(count(told, 'v8-platform')).toBe(5);
  expect(count(told, 'inspector')).toBe(1);
  // Where Node names its threads, the worker without the package is known as well.
  expect(count(told, 'worker')).toBe(named ? 2 : 1);
  expect(told.filter(({ role }) => role === 'libuv-pool').map(({ evidence }) => evidence)).toEqual(
    Array(3).fill('itself'),
  );
  for (const thread of told) {
    expect(thread.cpus).toMatch(/^\d/);
    expect(thread.lastCpu).toBeGreaterThanOrEqual(0);
    expect(thread.bound).toBe(false);
  }
});

test('the size of V8 is taken from where Node takes it', () => {
  const told = evaluate(`${SETTING} say(cpu.threads());`, {
    env: { NODE_OPTIONS: '--v8-pool-size=2' },
  }) as Told;
  expect(count(told, 'v8-platform')).toBe(3);
  expect(count(told, 'inspector')).toBe(1);
});

test('a role is placed as a whole, and others stay where they are', () => {
  const { placed, all, one } = evaluate(`${SETTING}
    await cpu.identifyThreads();
    const one = String(cpu.allowedCpus().last);
    const placed = cpu.setRoleAffinity('libuv-pool', one);
    say({ placed, all: cpu.threads(), one });`) as { placed: Told; all: Told; one: string };
  expect(placed.map(({ role, cpus }) => [role, cpus])).toEqual(Array(4).fill(['libuv-pool', one]));
  for (const { role, cpus } of all) {
    if (role !== 'libuv-pool' && all[0]?.cpus !== one) expect(cpus).not.toBe(one);
  }
});

test('the kernel workers of a ring are seen, and refuse to be moved', () => {
  const answer = evaluate(`
    import { Ring } from 'nearmetal';
    import * as cpu from 'nearmetal/cpu';
    Ring.open({ sqpoll: true });
    // It takes its name when it first runs. And of a ring that was opened to see what works, one
    // may still be on its way out: the last is ours.
    let poller;
    for (let look = 0; look < 2000 && poller === undefined; look++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      poller = cpu.threads().filter(({ role }) => role === 'sqpoll').at(-1);
    }
    let refused;
    try { cpu.setAffinity(cpu.allowedCpus(), { tid: poller.tid }); }
    catch ({ code, hint }) { refused = { code, hint }; }
    console.log(JSON.stringify({ poller, refused }));
    process.exit(0);`) as {
    poller: Told[0];
    refused?: { code: string; hint: string };
  };
  expect(answer.poller).toMatchObject({ role: 'sqpoll', evidence: 'name' });
  if (answer.poller.bound) {
    expect(answer.refused?.code).toBe('EINVAL');
    expect(answer.refused?.hint).toContain('a worker of the kernel, which refuses to move it');
  } else expect(answer.refused).toBeUndefined();
});

test('bad arguments', () => {
  const said = evaluate(`
    import * as cpu from 'nearmetal/cpu';
    const said = [];
    for (const call of [
      () => cpu.setRoleAffinity('unknown', 0),
      () => cpu.setRoleAffinity('main', []),
      () => cpu.setRoleAffinity('main', 'x'),
      () => cpu.identifyThreads({ timeoutMs: -1 }),
      () => cpu.identifyThreads({ timeout: 1 }),
    ]) try { await call(); said.push('nothing'); } catch ({ message }) { said.push(message); }
    console.log(JSON.stringify(said));`) as string[];
  expect(said).toEqual([
    expect.stringContaining('"role" argument must be one of'),
    expect.stringContaining('at least one CPU'),
    expect.stringContaining('list format'),
    expect.stringContaining('options.timeoutMs'),
    expect.stringContaining('no option "timeout"'),
  ]);
});
