/** The same over Node's MessagePort, "CASE SECONDS" per line: see `work`. */
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
import { smallObject } from '../_lib/objects.js';
import { deadline, serveRequests } from '../_lib/requests.js';

/** So many are on their way before one is answered: what is sent must not pile up. */
const WINDOW = 256;

/** Sends something; the last of each window is answered, and the next one is on its way. */
async function flood(worker: Worker, seconds: string | undefined, what: unknown) {
  const end = deadline(seconds);
  let operations = 0;
  let answered = Promise.resolve<unknown>(undefined);
  do {
    const next = once(worker, 'message');
    for (let index = 1; index < WINDOW; index++) worker.postMessage(what);
    worker.postMessage(0);
    await answered;
    answered = next;
    operations += WINDOW;
    await answered;
  } while (performance.now() < end);
  return operations;
}

async function pingPong(worker: Worker, seconds: string | undefined, what: unknown) {
  const end = deadline(seconds);
  let operations = 0;
  await new Promise<void>((resolve) => {
    const again = () => {
      operations++;
      if (performance.now() < end) worker.postMessage(what);
      else {
        worker.off('message', again);
        resolve();
      }
    };
    worker.on('message', again);
    worker.postMessage(what);
  });
  return operations;
}

async function ask([own, theirs]: string[]): Promise<void> {
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: theirs ?? '' });
  if (own) setAffinity(own);
  const bytes = new Uint8Array(1024);
  const work: Record<string, (seconds: string | undefined) => Promise<number>> = {
    one: (seconds) => flood(worker, seconds, 1),
    object: (seconds) => flood(worker, seconds, smallObject),
    kilobyte: (seconds) => flood(worker, seconds, bytes),
    pingpong: (seconds) => pingPong(worker, seconds, 0),
    request: (seconds) => pingPong(worker, seconds, { ...smallObject, answer: true }),
  };
  await serveRequests(([what = '', seconds]) => work[what]?.(seconds) ?? 0);
  await worker.terminate();
}

if (isMainThread) {
  await ask(process.argv.slice(2));
} else {
  if (workerData) setAffinity(workerData as string);
  const port = parentPort as MessagePort;
  port.on('message', (value) => {
    if (value === 0 || value.answer) port.postMessage(value);
  });
}
