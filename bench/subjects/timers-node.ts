/** What `reference/timers.c` does, by setTimeout: "CASE SECONDS" per line. */
import { deadline, serveRequests } from '../_lib/requests.js';
import { CLEARED, FAR_MS, lateness, MANY, SPAN_MS } from '../_lib/timers.js';

const one = () => new Promise<void>((resolve) => setTimeout(resolve, SPAN_MS));

function many(seconds: string | undefined): Promise<number> {
  const end = deadline(seconds);
  let fired = 0;
  let left = MANY;
  return new Promise((resolve) => {
    const onTime = () => {
      fired++;
      if (performance.now() < end) setTimeout(onTime, SPAN_MS);
      else if (--left === 0) resolve(fired);
    };
    for (let slot = 0; slot < MANY; slot++) setTimeout(onTime, SPAN_MS);
  });
}

function cleared(seconds: string | undefined): number {
  const end = deadline(seconds);
  let operations = 0;
  do {
    const timers = Array.from({ length: CLEARED }, () => setTimeout(() => {}, FAR_MS));
    for (const timer of timers) clearTimeout(timer);
    operations += CLEARED;
  } while (performance.now() < end);
  return operations;
}

await serveRequests(([name, seconds]) => {
  if (name === 'late') return lateness(seconds, one);
  return name === 'many' ? many(seconds) : cleared(seconds);
});
