/** What `reference/modes.c` does, through nearmetal. "MODE WORK SECONDS" per line. */
import { Pipe } from 'nearmetal/fd';
import { Mapping, op, RawRing, type RingOptions } from 'nearmetal/ring';
import { deadline, serveRequests } from '../_lib/requests.js';

const ENTRIES = 64;
const NOPS = 32;
const PIPES = 16;
const ROUNDS_PER_LOOK = 64;
const IDLE_MS = 20;
const BYTES = 8;

const [pollerCpu] = process.argv.slice(2);
const none = { singleIssuer: false, deferTaskrun: false, taskrunFlag: false };
const poller: RingOptions = {
  sqThreadIdleMs: IDLE_MS,
  ...(pollerCpu !== undefined && { sqThreadCpu: Number(pollerCpu) }),
};
const modes: Record<string, RingOptions> = {
  default: none,
  coop: { ...none, coopTaskrun: true },
  defer: { singleIssuer: true, deferTaskrun: true, taskrunFlag: false },
  sqpoll: { ...none, sqpoll: true, ...poller },
};

const pipes = Array.from({ length: PIPES }, () => Pipe.open());
const mapping = Mapping.anonymous({ size: 4096 });
const values = new Float64Array(mapping.bytes.buffer);
const at = (index: number) => mapping.bytes.subarray(index * BYTES, (index + 1) * BYTES);
/** What is received stands first, then what is sent. */
const reads = pipes.map(({ readEnd }, index) => op.read(readEnd, at(index)));
const writes = pipes.map(({ writeEnd }, index) => op.write(writeEnd, at(PIPES + index)));
const nop = op.nop();

/** The user data says how many bytes a completion should tell of. */
function visit(userData: number, result: number): void {
  if (result !== (userData & BYTES)) throw new Error(`a completion: ${result}`);
}

/** Submits and waits; a ring with a thread of its own is only looked at. */
function take(ring: RawRing, wanted: number, polled: boolean): void {
  if (polled) ring.submit();
  for (let done = 0; done < wanted; done += ring.reap(visit)) {
    if (!polled) ring.submit(wanted - done);
  }
}

function nops(ring: RawRing, polled: boolean): number {
  for (let index = 0; index < NOPS; index++) ring.push(nop, index << 4);
  take(ring, NOPS, polled);
  return NOPS;
}

let count = 0;

function messages(ring: RawRing, polled: boolean): number {
  for (let index = 0; index < PIPES; index++)
    ring.push(reads[index] as never, (index << 4) | BYTES);
  for (let index = 0; index < PIPES; index++) {
    values[PIPES + index] = ++count;
    ring.push(writes[index] as never, (index << 4) | BYTES);
  }
  take(ring, 2 * PIPES, polled);
  for (let index = 0; index < PIPES; index++) {
    if (values[index] !== values[PIPES + index]) throw new Error('another message');
  }
  return PIPES;
}

const rings = new Map<string, RawRing>();

function ringOf(mode: string): RawRing {
  const options = modes[mode];
  if (options === undefined) throw new Error(`no mode ${mode}`);
  const ring = rings.get(mode) ?? RawRing.open({ entries: ENTRIES, ...options });
  rings.set(mode, ring);
  return ring;
}

await serveRequests(([mode = '', work, seconds]) => {
  const ring = ringOf(mode);
  const some = work === 'nop' ? nops : messages;
  const end = deadline(seconds);
  let operations = 0;
  do {
    for (let round = 0; round < ROUNDS_PER_LOOK; round++) {
      operations += some(ring, mode === 'sqpoll');
    }
  } while (performance.now() < end);
  return operations;
});
