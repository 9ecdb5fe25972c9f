/** NOPs through nearmetal, "BATCH SECONDS" per line. Argument: which of its doors. */
import { op, RawRing, Ring } from 'nearmetal/ring';
import { deadline, serveRequests } from '../_lib/requests.js';

const ENTRIES = 256;
const OPERATIONS_PER_LOOK = 4096;

type Rounds = (batch: number, rounds: number) => void | Promise<void>;

/** The bare queues: what C does, in TypeScript, which fills each entry anew unless `frozen`. */
function raw(frozen: boolean): Rounds {
  const ring = RawRing.open({ entries: ENTRIES });
  const nop = frozen ? op.nop().freeze() : op.nop();
  let next = 0;
  let expected = 0;
  const visit = (userData: number, result: number) => {
    if (result !== 0 || userData !== expected++) throw new Error('a NOP came back wrong');
  };
  return (batch, rounds) => {
    for (let round = 0; round < rounds; round++) {
      for (let index = 0; index < batch; index++) ring.push(nop, next++);
      ring.submit(batch);
      while (ring.reap(visit) < batch && expected < next) ring.submit(1);
    }
  };
}

/** Handlers, on a loop that owns the thread. */
function handlers(): Rounds {
  const ring = Ring.open({ entries: ENTRIES, loop: 'own' });
  const nop = op.nop();
  let pending = 0;
  const handler = ring.handler((_, result) => {
    if (result !== 0) throw new Error('a NOP came back wrong');
    pending--;
  });
  const until = () => pending === 0;
  return (batch, rounds) => {
    for (let round = 0; round < rounds; round++) {
      pending = batch;
      for (let index = 0; index < batch; index++) ring.start(nop, handler, index);
      ring.runLoop({ until });
    }
  };
}

/** As many awaits at a time as the batch is large, on Node's loop. */
function promises(): Rounds {
  const ring = Ring.open({ entries: ENTRIES });
  const nop = op.nop();
  const one = async (rounds: number) => {
    for (let round = 0; round < rounds; round++) await ring.run(nop);
  };
  return async (batch, rounds) => {
    await Promise.all(Array.from({ length: batch }, () => one(rounds)));
  };
}

const doors: Record<string, () => Rounds> = {
  raw: () => raw(false),
  frozen: () => raw(true),
  handlers,
  promises,
};
const door = doors[process.argv[2] ?? ''];
if (!door) throw new Error(`no such door; there are: ${Object.keys(doors).join(', ')}`);
const run = door();

await serveRequests(async ([batchText, seconds]) => {
  const batch = Number(batchText);
  const rounds = Math.max(1, Math.floor(OPERATIONS_PER_LOOK / batch));
  const end = deadline(seconds);
  let operations = 0;
  do {
    await run(batch, rounds);
    operations += batch * rounds;
  } while (performance.now() < end);
  return operations;
});
