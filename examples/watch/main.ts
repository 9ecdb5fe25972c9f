/** Watches folders: what changes in them, and a count every so often, from one epoll. */
import { parseArgs } from 'node:util';
import { Epoll } from 'nearmetal/epoll';
import { EventFd, Inotify, TimerFd } from 'nearmetal/fd';

const USAGE = 'usage: npm run example -- watch [--every-ms MS] FOLDER...';

function options(): { folders: string[]; everyMs: number } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { 'every-ms': { type: 'string', default: '1000' } },
  });
  if (positionals.length === 0) throw new TypeError('no folder to watch');
  return { folders: positionals, everyMs: Number(values['every-ms']) };
}

using changes = Inotify.open();
using clock = TimerFd.open();
using stop = EventFd.open();
using epoll = Epoll.open();
let seen = 0;
let counted = 0;

function report(): void {
  for (const { type, path, from } of changes.read() ?? []) {
    seen++;
    console.log(from === undefined ? `${type} ${path}` : `${type} ${from.path} ${path}`);
  }
}

function count(): void {
  if (clock.read() === undefined || seen === counted) return;
  console.log(`${seen - counted} changes`);
  counted = seen;
}

/** Who is called for which tag. */
const handlers = [report, count];

let ending = false;

/** Once: npm passes Ctrl-C on to what the terminal has told already. */
function end(): void {
  if (!ending) stop.write();
  ending = true;
}

try {
  const { folders, everyMs } = options();
  for (const folder of folders) {
    changes.addWatch(folder, ['create', 'closeWrite', 'delete', 'movedFrom', 'movedTo']);
  }
  clock.set({ afterMs: everyMs, everyMs });
  for (const [tag, fd] of [changes, clock].entries()) epoll.add(fd, ['in'], { tag });
  epoll.handle((tag) => handlers[tag]?.());
  // Not a signalfd: that takes a signal only where every thread of the process blocks it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  console.log(`watching ${folders.join(' ')}`);
  await stop.wait();
  report();
  console.log(`${seen} changes in all`);
} catch (error) {
  console.error(`${error}\n${USAGE}`);
  process.exitCode = 2;
}
