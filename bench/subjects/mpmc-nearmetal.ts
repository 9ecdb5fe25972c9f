/** What `reference/mpmc.c` does, through nearmetal: "PAIRS SECONDS" per line. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  isMainThread,
  type MessagePort,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import { setAffinity } from 'nearmetal/cpu';
import { asFd } from 'nearmetal/fd';
import { type MpmcHandle, MpmcQueue, SharedMemory } from 'nearmetal/shared';
import { deadline, serveRequests } from '../_lib/requests.js';

const CAPACITY = 65_536;
const RECORDS_PER_LOOK = 4096;
const LAST = -1;

type Queue = MpmcHandle<'float64'>;

interface Given {
  readonly fd: number;
  readonly cpu: string | undefined;
  readonly produces: boolean;
}

function produce(queue: Queue, seconds: string): number {
  const end = deadline(seconds);
  let count = 0;
  do {
    for (let record = 0; record < RECORDS_PER_LOOK; record++) {
      if (!queue.push(1)) queue.pushBlocking(1);
    }
    count += RECORDS_PER_LOOK;
  } while (performance.now() < end);
  queue.pushBlocking(LAST);
  return count;
}

/** For so long nobody looks: each look takes the line with the number from the producers. */
function rest(): void {
  for (let count = 0, sum = 1; count < 500 && sum !== 0; count++) sum = Math.imul(sum, 3) | 1;
}

function consume(queue: Queue): number {
  for (let sum = 0; ; ) {
    let value = queue.pop();
    if (value === undefined) {
      rest();
      value = queue.pop() ?? (queue.popBlocking() as number);
    }
    if (value === LAST) return sum;
    sum += value;
  }
}

function serve({ fd, cpu, produces }: Given): void {
  if (cpu !== undefined) setAffinity(cpu);
  const queue = MpmcQueue.open(SharedMemory.attach(asFd(fd)), 'records') as Queue;
  const port = parentPort as MessagePort;
  port.on('message', (seconds: string) => {
    port.postMessage(produces ? produce(queue, seconds) : consume(queue));
  });
}

async function ask(cpus: string[]): Promise<void> {
  const memory = SharedMemory.create({ size: 2 ** 22 });
  MpmcQueue.create(memory, 'records', { capacity: CAPACITY });
  const workers: Worker[] = [];
  /** Producers and consumers by turns. */
  const start = (): void => {
    const produces = workers.length % 2 === 0;
    const cpu = cpus[produces ? 0 : 1];
    const given: Given = { fd: memory.fd?.fd ?? -1, cpu, produces };
    workers.push(new Worker(fileURLToPath(import.meta.url), { workerData: given }));
  };
  await serveRequests(async ([pairs, seconds]) => {
    while (workers.length < 2 * Number(pairs)) start();
    const chosen = workers.slice(0, 2 * Number(pairs));
    const answers = chosen.map(async (worker) => (await once(worker, 'message'))[0] as number);
    for (const worker of chosen) worker.postMessage(seconds);
    const counts = await Promise.all(answers);
    const [sent, got] = [0, 1].map((side) =>
      counts.reduce((sum, count, index) => (index % 2 === side ? sum + count : sum), 0),
    );
    if (sent !== got) throw new Error(`${sent} records were sent, and ${got} came`);
    return got as number;
  });
  for (const worker of workers) await worker.terminate();
}

if (isMainThread) await ask(process.argv.slice(2));
else serve(workerData as Given);
