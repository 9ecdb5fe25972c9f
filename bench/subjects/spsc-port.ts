/** The same over Node's MessagePort, "CASE SECONDS" per line: one, kilobyte and pingpong. */
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
import { deadline, serveRequests } from '../_lib/requests.js';

/** So many are on their way before one is answered: what is sent must not pile up. */
const WINDOW = 256;

/** Sends numbers or bytes; the last of each window is answered, and the next one is on its way. */
async function flood(worker: Worker, seconds: string | undefined, bytes?: Uint8Array) {
  const end = deadline(seconds);
  let operations = 0;
  let answered = Promise.resolve<unknown>(undefined);
  do {
    const next = once(worker, 'message');
    for (let index = 1; index < WINDOW; index++) worker.postMessage(bytes ?? 1);
    worker.postMessage(0);
    await answered;
    answered = next;
    operations += WINDOW;
    await answered;
  } while (performance.now() < end);
  return operations;
}

async function pingPong(worker: Worker, seconds: string | undefined): Promise<number> {
  const end = deadline(seconds);
  let operations = 0;
  await new Promise<void>((resolve) => {
    const again = () => {
      operations++;
      if (performance.now() < end) worker.postMessage(0);
      else {
        worker.off('message', again);
        resolve();
      }
    };
    worker.on('message', again);
    worker.postMessage(0);
  });
  return operations;
}

async function ask([own, theirs]: string[]): Promise<void> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: theirs ?? '' });
  if (own) setAffinity(own);
  const bytes = new Uint8Array(1024);
  await serveRequests(([what, seconds]) => {
    if (what === 'one') return flood(worker, seconds);
    if (what === 'kilobyte') return flood(worker, seconds, bytes);
    return pingPong(worker, seconds);
  });
  await worker.terminate();
}

if (isMainThread) {
  await ask(process.argv.slice(2));
} else {
  if (workerData) setAffinity(workerData as string);
  const port = parentPort as MessagePort;
  port.on('message', (value) => {
    if (value === 0) port.postMessage(0);
  });
}
