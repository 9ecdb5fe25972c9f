/** What `reference/timers.c` does, by a ring or by a TimerFd: "CASE SECONDS" per line. */
import { TimerFd } from 'nearmetal/fd';
import { op, Ring } from 'nearmetal/ring';
import { deadline, serveRequests } from '../_lib/requests.js';
import { CLEARED, FAR_MS, lateness, MANY, SPAN_MS } from '../_lib/timers.js';

const ring = Ring.open({ entries: 512 });

/** Each starts again when it has fired, until the time is over. */
function many(seconds: string | undefined): Promise<number> {
  const timers = Array.from({ length: MANY }, () => op.timeout(SPAN_MS));
  const end = deadline(seconds);
  let fired = 0;
  let left = MANY;
  return new Promise((resolve) => {
    const handler = ring.handler(
      (slot) => {
        fired++;
        if (performance.now() < end) ring.start(timers[slot] as never, handler, slot);
        else if (--left === 0) resolve(fired);
      },
      { batched: true },
    );
    for (let slot = 0; slot < MANY; slot++) ring.start(timers[slot] as never, handler, slot);
  });
}

async function cleared(seconds: string | undefined): Promise<number> {
  const end = deadline(seconds);
  let operations = 0;
  do {
    const timers = Array.from({ length: CLEARED }, () => ring.begin(op.timeout(FAR_MS)));
    const results = timers.map(({ result }) => result.catch(() => {}));
    await Promise.all(timers.map((timer) => timer.cancel()));
    await Promise.all(results);
    operations += CLEARED;
  } while (performance.now() < end);
  return operations;
}

function clearedDescriptor(seconds: string | undefined): number {
  const timer = TimerFd.open();
  const end = deadline(seconds);
  let operations = 0;
  do {
    for (let count = 0; count < CLEARED; count++) {
      timer.set({ afterMs: FAR_MS });
      timer.clear();
    }
    operations += CLEARED;
  } while (performance.now() < end);
  timer.close();
  return operations;
}

const descriptor = process.argv[2] === 'descriptor' ? TimerFd.open() : undefined;

async function oneByDescriptor(): Promise<void> {
  descriptor?.set({ afterMs: SPAN_MS });
  await descriptor?.wait();
}

await serveRequests(([name, seconds]) => {
  if (name === 'late') {
    return lateness(seconds, descriptor ? oneByDescriptor : () => ring.timeout(SPAN_MS));
  }
  if (name === 'many') return many(seconds);
  return descriptor ? clearedDescriptor(seconds) : cleared(seconds);
});
descriptor?.close();
await ring.close();
