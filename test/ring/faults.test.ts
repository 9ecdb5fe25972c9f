/** Faults named in docs/safety.md that belong to no other file: each with what must come of it. */
import { spawnSync } from 'node:child_process';
import { LinkError, Mapping, op } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { EBUSY, ERRNO_NAMES, SYS_io_uring_enter } from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { needs } from '../support/needs.js';
import { later, openRing, openWith, pattern, pipe, turn, until } from '../support/ring.js';
import { unixPair } from '../support/sockets.js';

/** Where a read is when it is aborted. */
const STAGES = ['before it began', 'queued', 'past a full queue', 'in the kernel', 'told already'];

for (const stage of STAGES) {
  for (const sort of ['staged', 'mapping']) {
    const runs = stage !== 'past a full queue' || native.seam !== undefined;
    test.runIf(runs)(
      `aborted ${stage}, ${sort} memory: settles once, and touches nothing later`,
      async () => {
        const ring = openRing({ entries: 4 });
        const file = pipe();
        const mapping = Mapping.anonymous({ size: 4096 });
        onTestFinished(() => mapping.dispose());
        const target = sort === 'mapping' ? mapping.bytes.subarray(0, 8) : new Uint8Array(8);
        const abort = new AbortController();
        if (stage === 'before it began') abort.abort();
        const fillers: Promise<unknown>[] = [];
        if (stage === 'past a full queue') {
          // Only what the kernel will not take yet stays in the queue, and fills it.
          onTestFinished(() => native.seam?.reset());
          native.seam?.fail(SYS_io_uring_enter, 1, 3, EBUSY);
          for (let count = 0; count < 6; count++) fillers.push(ring.nop());
        }
        let settled = 0;
        const reading = ring.read(file, target, { signal: abort.signal });
        const outcome = reading.then(
          (count) => count,
          ({ name }: Error) => name,
        );
        void outcome.then(() => settled++);
        if (stage === 'in the kernel') {
          ring.submit();
          await turn();
        }
        if (stage === 'told already') {
          await ring.write(file, pattern(8));
          await outcome;
        }
        abort.abort();
        if (stage === 'past a full queue') expect(ring.stats.retries).toBeGreaterThan(0);
        expect(await outcome).toBe(stage === 'told already' ? 8 : 'AbortError');
        await Promise.all(fillers);
        const before = target.slice();
        // What comes now is for the next reader, and for nobody else.
        await ring.write(file, new Uint8Array(8).fill(0xee));
        await turn();
        expect(target).toEqual(before);
        expect(await ring.read(file, new Uint8Array(8))).toBe(8);
        expect(settled).toBe(1);
        expect(ring.stats).toMatchObject({ inFlight: 0, stale: 0 });
      },
    );
  }
}

test('a child spawned in flight takes nothing along: all bytes arrive here', async () => {
  const ring = openRing();
  const [one, other] = await unixPair(ring);
  const mapping = Mapping.anonymous({ size: 1 << 20 });
  onTestFinished(() => mapping.dispose());
  const bytes = pattern(4096);
  for (let round = 0; round < 10; round++) {
    const into = mapping.bytes.subarray(round * 4096, (round + 1) * 4096);
    const staged = new Uint8Array(4096);
    const reads = [
      ring.recv(one, into, { waitAll: true }),
      ring.recv(one, staged, { waitAll: true }),
    ];
    ring.submit();
    // Node stops until the child has ended; the kernel does not.
    expect(spawnSync('true').status).toBe(0);
    const sending = [ring.send(other, bytes), ring.send(other, bytes)];
    ring.submit();
    expect(spawnSync('sh', ['-c', 'exit 3']).status).toBe(3);
    expect(await Promise.all([...reads, ...sending])).toEqual([4096, 4096, 4096, 4096]);
    expect(Buffer.compare(into, bytes)).toBe(0);
    expect(Buffer.compare(staged, bytes)).toBe(0);
  }
});

const ERRNOS = Object.keys(ERRNO_NAMES)
  .map(Number)
  .filter((errno) => errno > 0 && errno < 134);

test('every errno in a completion is an error with its name', async () => {
  needs('linux:6.10');
  const ring = openRing();
  expect(ERRNOS.length).toBeGreaterThan(120);
  const raw: number[] = [];
  const handler = ring.handler((_tag, result) => raw.push(result));
  for (const errno of ERRNOS) {
    const injected = op.nopInjectResult(-errno);
    const error = await ring.run(injected).catch((thrown: unknown) => thrown);
    // A worker thread that is told to give up answers EINTR: that is a cancellation here.
    const code = ERRNO_NAMES[errno] === 'EINTR' ? 'ECANCELED' : ERRNO_NAMES[errno];
    expect(error).toMatchObject({ code, syscall: 'io_uring:nop' });
    ring.start(injected, handler);
  }
  await until(() => raw.length === ERRNOS.length);
  expect(raw).toEqual(ERRNOS.map((errno) => -errno));
  expect(ring.stats).toMatchObject({ inFlight: 0, stale: 0 });
});

test('an injected failure at each place of a chain ends it there, and nowhere else', async () => {
  needs('linux:6.10');
  const ring = openRing();
  const file = openWith('');
  for (let place = 0; place < 4; place++) {
    const chain = [0, 1, 2, 3].map((index) =>
      index === place
        ? op.nopInjectResult(-28)
        : op.write(file, pattern(1), { offset: place * 4 + index }),
    ) as [ReturnType<typeof op.nopInjectResult>];
    const error = (await later(ring.link(chain)).catch((thrown: unknown) => thrown)) as LinkError;
    expect(error).toBeInstanceOf(LinkError);
    expect([error.index, error.code]).toEqual([place, 'ENOSPC']);
    const how = error.results.map((one) =>
      one.status === 'fulfilled' ? 'done' : (one.reason as NodeJS.ErrnoException).code,
    );
    const right = [0, 1, 2, 3].map((index) =>
      index < place ? 'done' : index === place ? 'ENOSPC' : 'ECANCELED',
    );
    expect(how).toEqual(right);
  }
});
