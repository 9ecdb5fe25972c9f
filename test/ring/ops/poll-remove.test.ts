/** pollRemove and pollUpdate; level-triggered and exclusive polls. */
import { op, type PollEvents, RawRing } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  later,
  openRing,
  pipe,
  RANGE,
  TYPE,
  turn,
  until,
  VALUE,
} from '../../support/ring.js';

/** The name that a new ring gives to its first operation: slot 0, generation 0, opcode above. */
const FIRST_POLL = { low: 6 << 24, high: 0 };

test('ends the poll of that name', async () => {
  const ring = openRing();
  const waiting = later(ring.pollAdd(pipe(), ['in']));
  await ring.nop();
  await ring.run(op.pollRemove(FIRST_POLL));
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
  await expect(ring.run(op.pollRemove(FIRST_POLL))).rejects.toMatchObject({
    code: 'ENOENT',
    syscall: 'io_uring:poll_remove',
  });
});

test('changes what a poll waits for', async () => {
  const ring = openRing();
  const { client } = await connection(ring);
  const fresh = openRing();
  let events: PollEvents | undefined;
  const waiting = fresh.pollAdd(client, ['in']).then((found) => {
    events = found;
  });
  await turn();
  expect(events).toBeUndefined();
  await fresh.run(op.pollUpdate(FIRST_POLL, { events: ['out'] }));
  await waiting;
  expect(events).toMatchObject({ in: false, out: true });
});

test('changes the name of a poll, on a ring whose names are the user’s own', () => {
  const ring = RawRing.open({ entries: 8 });
  onTestFinished(() => ring.close());
  const seen: [number, number][] = [];
  const reap = (): void => void ring.reap((userData, result) => seen.push([userData, result]));
  ring.push(op.pollAdd(pipe(), ['in']), 7);
  ring.push(
    op.pollUpdate({ low: 7, high: 0 }, { userData: { low: 8, high: 1 }, events: ['out'] }),
    9,
  );
  ring.submit(2);
  reap();
  expect(seen.sort()).toEqual([
    [2 ** 32 + 8, 4],
    [9, 0],
  ]);
});

test('a level-triggered multishot tells each time', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  await ring.send(client, bytesOf('one'));
  const level = ring.pollMultishot(server, ['in'], { level: true });
  expect(await level.next()).toMatchObject({ value: { in: true } });
  await ring.send(client, bytesOf('two'));
  expect(await level.next()).toMatchObject({ value: { in: true } });
  await level.return();
  await until(() => ring.stats.inFlight === 0);
});

test('of exclusive polls on one file, not all wake', async () => {
  needs('linux:5.19');
  const ring = openRing();
  const ends = pipe();
  let woken = 0;
  const handler = ring.handler((_tag, result) => {
    if (result > 0) woken++;
  });
  for (let index = 0; index < 4; index++) {
    ring.start(op.pollAdd(ends, ['in'], { exclusive: true }), handler);
  }
  await ring.nop();
  await ring.write(ends, new Uint8Array(1));
  await until(() => woken > 0);
  await turn();
  expect(woken).toBe(1);
  await ring.asyncCancel(ends);
});

test('refuses wrong arguments by name', () => {
  const ends = pipe();
  expectRefusal(() => op.pollRemove(5 as never), TYPE, 'target');
  expectRefusal(() => op.pollRemove({ low: 0 } as never), TYPE, '"target.high"');
  expectRefusal(() => op.pollRemove({ low: 2 ** 33, high: 0 }), RANGE, '"target.low"');
  expectRefusal(() => op.pollUpdate(FIRST_POLL, {}), VALUE, 'events, userData or both');
  expectRefusal(() => op.pollUpdate(FIRST_POLL, undefined as never), VALUE, 'events');
  expectRefusal(() => op.pollUpdate(FIRST_POLL, { events: ['x' as never] }), VALUE, '"events"');
  expectRefusal(
    () => op.pollUpdate(FIRST_POLL, { events: ['in'], level: true } as never),
    VALUE,
    '"level"',
  );
  expectRefusal(() => op.pollAdd(ends, ['in'], { exclusive: 1 as never }), TYPE, '"exclusive"');
  expectRefusal(() => op.pollAdd(ends, ['in'], { level: true } as never), VALUE, '"level"');
});
