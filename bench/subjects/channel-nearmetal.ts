/** Messages and requests through a channel, "CASE SECONDS" per line: object, kilobyte, request. */
import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { setAffinity } from 'nearmetal/cpu';
import { asFd } from 'nearmetal/fd';
import { Channel, SharedMemory } from 'nearmetal/shared';
import { smallObject } from '../_lib/objects.js';
import { deadline, serveRequests } from '../_lib/requests.js';

/** Between two looks at the clock. */
const SOME = 256;

async function flood(channel: Channel, end: number, message: unknown): Promise<number> {
  let operations = 0;
  do {
    for (let count = 0; count < SOME; count++) await channel.send(message);
    operations += SOME;
  } while (performance.now() < end);
  // All that was sent has been taken when this is answered.
  await channel.request(0);
  return operations;
}

async function request(channel: Channel, end: number): Promise<number> {
  let operations = 0;
  do {
    await channel.request(smallObject);
    operations++;
  } while (performance.now() < end);
  return operations;
}

async function ask([own, theirs]: string[]): Promise<void> {
  const memory = SharedMemory.create({ size: 2 ** 20 });
  Channel.create(memory, 'channel');
  const data = { fd: memory.fd?.fd, cpu: theirs };
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
  if (own) setAffinity(own);
  const channel = Channel.open(memory, 'channel');
  const bytes = new Uint8Array(1024);
  const work: Record<string, (end: number) => Promise<number>> = {
    object: (end) => flood(channel, end, smallObject),
    kilobyte: (end) => flood(channel, end, bytes),
    request: (end) => request(channel, end),
  };
  await serveRequests(([what = '', seconds]) => work[what]?.(deadline(seconds)) ?? 0);
  channel.close();
  await worker.terminate();
}

if (isMainThread) {
  await ask(process.argv.slice(2));
} else {
  const { fd, cpu } = workerData as { fd: number; cpu: string };
  if (cpu) setAffinity(cpu);
  const channel = Channel.open(SharedMemory.attach(asFd(fd)), 'channel');
  let bytes = 0;
  channel.onMessage((message) => {
    bytes += message instanceof Uint8Array ? message.length : 1;
  });
  channel.respond((asked) => (asked === 0 ? bytes : asked));
}
