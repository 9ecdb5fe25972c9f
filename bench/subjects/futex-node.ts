/** What `reference/futex.c` does, by Node's Atomics: "CASE SECONDS" per line. */
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { setAffinity } from 'nearmetal/cpu';
import { deadline, serveRequests } from '../_lib/requests.js';

const ROUNDS_PER_LOOK = 64;
const WAKES_PER_LOOK = 1000;
/** Each word has a line of the cache to itself. */
const [THERE, BACK, NOBODY] = [0, 16, 32];

/** Not yet in TypeScript's library of 2022. */
type WaitAsync = (
  words: Int32Array,
  at: number,
  value: number,
) => { async: boolean; value: unknown };
const { waitAsync } = Atomics as unknown as { waitAsync: WaitAsync };

/** Waits until the word is another than `value`, and answers it. */
function changed(words: Int32Array, at: number, value: number): number {
  for (;;) {
    const found = Atomics.load(words, at);
    if (found !== value) return found;
    Atomics.wait(words, at, value);
  }
}

async function changedAsync(words: Int32Array, at: number, value: number): Promise<number> {
  for (;;) {
    const found = Atomics.load(words, at);
    if (found !== value) return found;
    await waitAsync(words, at, value).value;
  }
}

function wakes(words: Int32Array): number {
  for (let call = 0; call < WAKES_PER_LOOK; call++) Atomics.notify(words, NOBODY);
  return WAKES_PER_LOOK;
}

function send(words: Int32Array): number {
  const sent = (Atomics.load(words, THERE) + 1) | 0;
  Atomics.store(words, THERE, sent);
  Atomics.notify(words, THERE);
  return sent;
}

function roundTrips(words: Int32Array): number {
  for (let round = 0; round < ROUNDS_PER_LOOK; round++) {
    const sent = send(words);
    if (changed(words, BACK, (sent - 1) | 0) !== sent) throw new Error('another answer');
  }
  return ROUNDS_PER_LOOK;
}

async function roundTripsAsync(words: Int32Array): Promise<number> {
  for (let round = 0; round < ROUNDS_PER_LOOK; round++) {
    const sent = send(words);
    const answer = await changedAsync(words, BACK, (sent - 1) | 0);
    if (answer !== sent) throw new Error('another answer');
  }
  return ROUNDS_PER_LOOK;
}

interface Given {
  readonly cpu: string;
  readonly words: Int32Array;
  readonly door: string;
}

async function answer({ cpu, words, door }: Given): Promise<void> {
  setAffinity(cpu);
  // A word that is waited for does not keep a thread going.
  setInterval(() => {}, 2 ** 30);
  for (let seen = 0; ; ) {
    seen = door === 'block' ? changed(words, THERE, seen) : await changedAsync(words, THERE, seen);
    Atomics.store(words, BACK, seen);
    Atomics.notify(words, BACK);
  }
}

async function ask([cpu = '0', theirs = '0', door = 'block']: string[]): Promise<void> {
  const words = new Int32Array(new SharedArrayBuffer(4096));
  const given: Given = { cpu: theirs, words, door };
  new Worker(fileURLToPath(import.meta.url), { workerData: given });
  setAffinity(cpu);
  await serveRequests(async ([name, seconds]) => {
    const end = deadline(seconds);
    let operations = 0;
    do {
      if (door !== 'block') operations += await roundTripsAsync(words);
      else operations += name === 'wake' ? wakes(words) : roundTrips(words);
    } while (performance.now() < end);
    return operations;
  });
  // Its thread may be asleep, where nothing ends it but the end of the process.
  process.exit();
}

if (isMainThread) await ask(process.argv.slice(2));
else await answer(workerData as Given);
