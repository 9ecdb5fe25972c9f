/** What goes through a queue from one thread to another, "CASE SECONDS" per line: see spsc.c. */
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { setAffinity } from 'nearmetal/cpu';
import { asFd } from 'nearmetal/fd';
import {
  type MessageConsumer,
  type MessageProducer,
  SharedMemory,
  type SpscConsumer,
  SpscMessages,
  type SpscProducer,
  SpscQueue,
} from 'nearmetal/shared';
import { deadline, serveRequests } from '../_lib/requests.js';

const RECORDS = 65_536;
const BATCH = 32;
const KILOBYTE = 1024;
const CASES = ['one', 'batch', 'kilobyte', 'spin', 'futex'];
/** Looks at the other side without end: the thread never sleeps. */
const ASLEEP = { spin: 0 };

type Records = SpscProducer<'float64'>;
type Taken = SpscConsumer<'float64'>;

function pushOne(there: Records): number {
  for (let index = 0; index < RECORDS; index++) {
    while (!there.push(1));
  }
  return RECORDS;
}

const batch = new Float64Array(BATCH).fill(1);

function pushBatches(there: Records): number {
  for (let count = 0; count < RECORDS; count += BATCH) {
    let done = there.pushMany(batch);
    while (done < BATCH) done += there.pushMany(batch, done);
  }
  return RECORDS;
}

function pushKilobytes(messages: MessageProducer, bytes: Uint8Array): number {
  for (let index = 0; index < RECORDS / 64; index++) {
    while (!messages.push(bytes));
  }
  return RECORDS / 64;
}

function spin(there: Records, back: Taken): number {
  for (let index = 0; index < RECORDS / 256; index++) {
    while (!there.push(1));
    while (back.pop() === undefined);
  }
  return RECORDS / 256;
}

function sleep(there: Records, back: Taken): number {
  for (let index = 0; index < RECORDS / 256; index++) {
    there.pushBlocking(1, ASLEEP);
    back.popBlocking(ASLEEP);
  }
  return RECORDS / 256;
}

/** For so long nobody looks: each look takes the line with the count from the producer. */
function rest(): void {
  for (let count = 0, sum = 1; count < 500 && sum !== 0; count++) sum = Math.imul(sum, 3) | 1;
}

/** Takes records until a negative one comes. */
function take(there: Taken): number {
  const some = new Float64Array(BATCH * 8);
  for (let total = 0; ; ) {
    const count = there.popMany(some);
    if (count === 0) rest();
    for (let index = 0; index < count; index++) total += some[index] as number;
    if (count > 0 && (some[count - 1] as number) < 0) return total;
  }
}

function takeKilobytes(messages: MessageConsumer): void {
  const copy = new Uint8Array(KILOBYTE);
  let last = -1;
  const see = (bytes: Uint8Array) => {
    copy.set(bytes);
    last = bytes.length;
  };
  while (last !== 0) messages.drain(see);
}

function answerSpinning(there: Taken, back: Records): void {
  for (;;) {
    const value = there.pop();
    if (value === undefined) continue;
    if (value < 0) return;
    while (!back.push(value));
  }
}

function answerAsleep(there: Taken, back: Records): void {
  for (;;) {
    const value = there.popBlocking(ASLEEP) as number;
    if (value < 0) return;
    back.pushBlocking(value, ASLEEP);
  }
}

/** The other thread: does one case after the other, and says when it is done. */
function serve(memory: SharedMemory): void {
  const asked = SpscQueue.consumer(memory, 'asked');
  const done = SpscQueue.producer(memory, 'done');
  const there = SpscQueue.consumer(memory, 'there');
  const back = SpscQueue.producer(memory, 'back');
  const messages = SpscMessages.consumer(memory, 'messages');
  for (;;) {
    const what = CASES[asked.popBlocking(ASLEEP) ?? -1];
    if (what === undefined) return;
    if (what === 'kilobyte') takeKilobytes(messages);
    else if (what === 'spin') answerSpinning(there, back);
    else if (what === 'futex') answerAsleep(there, back);
    else take(there);
    done.push(1);
  }
}

async function ask(cpus: string[]): Promise<void> {
  const memory = SharedMemory.create({ size: 2 ** 23 });
  for (const name of ['asked', 'done', 'there', 'back']) {
    SpscQueue.create(memory, name, { capacity: RECORDS });
  }
  SpscMessages.create(memory, 'messages', { capacity: 2 ** 20 });
  const data = { fd: memory.fd?.fd, cpu: cpus[1] };
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
  if (cpus[0]) setAffinity(cpus[0]);
  const asked = SpscQueue.producer(memory, 'asked');
  const finished = SpscQueue.consumer(memory, 'done');
  const there = SpscQueue.producer(memory, 'there');
  const back = SpscQueue.consumer(memory, 'back');
  const messages = SpscMessages.producer(memory, 'messages');
  const bytes = new Uint8Array(KILOBYTE);
  const work: Record<string, () => number> = {
    one: () => pushOne(there),
    batch: () => pushBatches(there),
    kilobyte: () => pushKilobytes(messages, bytes),
    spin: () => spin(there, back),
    futex: () => sleep(there, back),
  };
  await serveRequests(([what = '', seconds]) => {
    const end = deadline(seconds);
    const some = work[what] as () => number;
    asked.push(CASES.indexOf(what));
    let operations = 0;
    do operations += some();
    while (performance.now() < end);
    if (what === 'kilobyte') messages.pushBlocking('');
    else there.pushBlocking(-1);
    finished.popBlocking();
    return operations;
  });
  asked.close();
  await worker.terminate();
}

if (isMainThread) {
  await ask(process.argv.slice(2));
} else {
  const { fd, cpu } = workerData as { fd: number; cpu: string };
  if (cpu) setAffinity(cpu);
  serve(SharedMemory.attach(asFd(fd)));
}
