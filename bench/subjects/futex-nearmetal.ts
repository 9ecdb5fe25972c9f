/** What `reference/futex.c` does, through nearmetal: "CASE SECONDS" per line. */
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { setAffinity } from 'nearmetal/cpu';
import { asFd } from 'nearmetal/fd';
import { Mapping, Ring } from 'nearmetal/ring';
import { futexWait, futexWake } from 'nearmetal/shared';
import { deadline, serveRequests } from '../_lib/requests.js';

const ROUNDS_PER_LOOK = 64;
const WAKES_PER_LOOK = 1000;
/** Each word has a line of the cache to itself. */
const [THERE, BACK, NOBODY] = [0, 16, 32];
/** Only this process, by the memory that all its threads share. */
const OWN = { private: true };

const wake = (words: Int32Array, at: number) => futexWake(words, at, OWN);

/** Waits until the word is another than `value`, and answers it. */
function changed(words: Int32Array, at: number, value: number): number {
  for (;;) {
    const found = Atomics.load(words, at);
    if (found !== value) return found;
    futexWait(words, at, value, OWN);
  }
}

async function changedByRing(
  ring: Ring,
  words: Int32Array,
  at: number,
  value: number,
): Promise<number> {
  for (;;) {
    const found = Atomics.load(words, at);
    if (found !== value) return found;
    await ring.futexWait(words, at, value);
  }
}

function wakes(words: Int32Array): number {
  for (let call = 0; call < WAKES_PER_LOOK; call++) wake(words, NOBODY);
  return WAKES_PER_LOOK;
}

function roundTrips(words: Int32Array): number {
  for (let round = 0; round < ROUNDS_PER_LOOK; round++) {
    const sent = (Atomics.load(words, THERE) + 1) | 0;
    Atomics.store(words, THERE, sent);
    wake(words, THERE);
    if (changed(words, BACK, (sent - 1) | 0) !== sent) throw new Error('another answer');
  }
  return ROUNDS_PER_LOOK;
}

/** Threads of one process that map the same memory apart share no private word. */
async function roundTripsByRing(ring: Ring, words: Int32Array): Promise<number> {
  for (let round = 0; round < ROUNDS_PER_LOOK; round++) {
    const sent = (Atomics.load(words, THERE) + 1) | 0;
    Atomics.store(words, THERE, sent);
    futexWake(words, THERE);
    const answer = await changedByRing(ring, words, BACK, (sent - 1) | 0);
    if (answer !== sent) throw new Error('another answer');
  }
  return ROUNDS_PER_LOOK;
}

interface Given {
  readonly cpu: string;
  readonly shared: Int32Array;
  readonly fd: number;
  readonly door: string;
}

const mapped = (fd: number) =>
  new Int32Array(Mapping.file(asFd(fd), { protection: 'readwrite' }).bytes.buffer);

async function answer({ cpu, shared, fd, door }: Given): Promise<void> {
  setAffinity(cpu);
  if (door === 'block') {
    for (let seen = 0; ; ) {
      seen = changed(shared, THERE, seen);
      Atomics.store(shared, BACK, seen);
      wake(shared, BACK);
    }
  }
  const words = mapped(fd);
  const ring = Ring.open();
  for (let seen = 0; ; ) {
    seen = await changedByRing(ring, words, THERE, seen);
    Atomics.store(words, BACK, seen);
    futexWake(words, BACK);
  }
}

async function ask([cpu = '0', theirs = '0', door = 'block']: string[]): Promise<void> {
  const shared = new Int32Array(new SharedArrayBuffer(4096));
  const mapping = Mapping.memfd({ size: 4096 });
  const words = new Int32Array(mapping.bytes.buffer);
  const given: Given = { cpu: theirs, shared, fd: mapping.fd?.fd ?? -1, door };
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: given });
  setAffinity(cpu);
  const ring = door === 'ring' ? Ring.open() : undefined;
  await serveRequests(async ([name, seconds]) => {
    const end = deadline(seconds);
    let operations = 0;
    do {
      if (ring !== undefined) operations += await roundTripsByRing(ring, words);
      else operations += name === 'wake' ? wakes(shared) : roundTrips(shared);
    } while (performance.now() < end);
    return operations;
  });
  // It may be asleep in the kernel, where nothing ends it but the end of the process.
  worker.unref();
  process.exit();
}

if (isMainThread) await ask(process.argv.slice(2));
else await answer(workerData as Given);
