/** Which of many descriptors are ready, through nearmetal: the twin of `reference/readiness.c`. */
import { createInterface } from 'node:readline';
import { Epoll, FdSet, PollList, poll, select } from 'nearmetal/epoll';
import { dup, EventFd, type OwnedFd } from 'nearmetal/fd';
import { op, Ring } from 'nearmetal/ring';
import { deadline } from '../_lib/requests.js';
import type { Work } from '../_lib/work.js';

const ROUNDS = 256;

let sum = 0;
export const total = (): number => sum;

/** Waits once; answers how many were ready. */
type Wait = () => number;

function epoll(fds: readonly OwnedFd[], edge: boolean): Wait {
  const instance = Epoll.open({ maxEvents: 256 });
  for (const [tag, fd] of fds.entries()) instance.add(fd, ['in'], { tag, edge });
  const visit = (tag: number): void => {
    sum += tag;
  };
  return () => instance.waitEach(visit);
}

function polled(fds: readonly OwnedFd[]): Wait {
  const list = new PollList(fds.length);
  for (const [index, fd] of fds.entries()) list.set(index, fd, ['in']);
  return () => {
    const ready = poll(list);
    for (let index = 0; index < list.count; index++) if (list.found(index) !== 0) sum += index;
    return ready;
  };
}

function selected(fds: readonly OwnedFd[]): Wait {
  const all = new FdSet();
  for (const fd of fds) all.add(fd);
  const read = new FdSet();
  const { words } = read;
  return () => {
    words.set(all.words);
    const ready = select({ read });
    for (let index = 0; index < words.length; index++) {
      for (let word = words[index] as number; word !== 0; word &= word - 1) {
        sum += index * 32 + 31 - Math.clz32(word & -word);
      }
    }
    return ready;
  };
}

function ringed(fds: readonly OwnedFd[], active: number): Wait {
  const ring = Ring.open({ entries: 256, completionEntries: 4096, loop: 'own' });
  let ready = 0;
  const handler = ring.handler(
    (tag) => {
      sum += tag;
      ready++;
    },
    { batched: true },
  );
  for (const [tag, fd] of fds.entries()) ring.start(op.pollMultishot(fd, ['in']), handler, tag);
  ring.submit();
  const until = (): boolean => ready >= active;
  return () => {
    ready = 0;
    ring.runLoop({ until });
    return ready;
  };
}

const kind = process.argv[2];

function start(fds: readonly OwnedFd[], active: number): Wait {
  if (kind === 'select') return selected(fds);
  if (kind === 'poll') return polled(fds);
  if (kind === 'ring') return ringed(fds, active);
  return epoll(fds, kind === 'edge');
}

const prepared = new Map<number, { source: EventFd; wait: Wait }>();
let open: OwnedFd[] = [];

function prepare(count: number, active: number): { source: EventFd; wait: Wait } {
  // A ring keeps its polls: to take 10,000 down costs more than to measure with them.
  if (kind !== 'ring') {
    for (const fd of open) fd.close();
    prepared.clear();
  }
  const source = EventFd.open();
  const fds: OwnedFd[] = [source];
  while (fds.length < active) fds.push(dup(source));
  while (fds.length < count) fds.push(EventFd.open());
  const made = { source, wait: start(fds, active) };
  prepared.set(count, made);
  open = fds;
  return made;
}

/** As in C, making and registering the descriptors is not part of it. */
function work(count: number, seconds: string | undefined): Work {
  const active = count < 100 ? 1 : count / 100;
  const { source, wait } = prepared.get(count) ?? prepare(count, active);
  const rounds = count > 1000 ? 16 : ROUNDS;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const end = deadline(seconds);
  let operations = 0;
  do {
    for (let round = 0; round < rounds; round++) {
      source.write(1);
      for (let ready = 0; ready < active; ) ready += wait();
      operations += active;
    }
  } while (performance.now() < end);
  const ns = (performance.now() - startedAt) * 1e6;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { operations, ns, cpu_ns: (user + system) * 1000 };
}

for await (const line of createInterface({ input: process.stdin })) {
  const [count, seconds] = line.split(' ');
  console.log(JSON.stringify(work(Number(count), seconds)));
}
process.exit();
