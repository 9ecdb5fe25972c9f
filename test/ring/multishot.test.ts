/** Multishot operations with a function: kept going until they are over, and then said to be. */
import { setTimeout as sleep } from 'node:timers/promises';
import { addressOf, type InternetAddress, listen } from 'nearmetal/net';
import {
  asFd,
  bufferId,
  type MultishotOperation,
  OwnedFd,
  op,
  type Repeating,
  type RepeatOptions,
  type Ring,
} from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { SQE_IOPRIO_SHIFT } from '../../lib/ring/sqe.js';
import {
  bytesOf,
  connection,
  expectRefusal,
  openRing,
  pattern,
  pipe,
  TYPE,
  turn,
  until,
  VALUE,
} from '../support/ring.js';
import { uncaughtErrors } from '../support/thrown.js';

/** Starts it, and tells what came of it. */
function keep(
  ring: Ring,
  operation: MultishotOperation<unknown>,
  each: RepeatOptions['each'],
  options: Partial<RepeatOptions> = {},
): { running: Repeating; ends: (Error | undefined)[] } {
  const ends: (Error | undefined)[] = [];
  const end = (error: Error | undefined): void => void ends.push(error);
  return { running: ring.startMultishot(operation, { each, end, ...options }), ends };
}

test("accepts until it is cancelled; the numbers are the receiver's", async () => {
  const ring = openRing();
  const listener = listen();
  onTestFinished(() => listener.close());
  const address = addressOf(listener) as InternetAddress;
  const accepted: OwnedFd[] = [];
  const { running, ends } = keep(ring, op.acceptMultishot(listener), (result, flags) => {
    expect(flags & 2).toBe(2);
    accepted.push(OwnedFd.adopt(result));
  });
  const clients = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const client = await ring.socket('inet');
      await ring.connect(client, address);
      return client;
    }),
  );
  await until(() => accepted.length === 5);
  expect([running.active, ends]).toEqual([true, []]);
  running.cancel();
  running.cancel();
  await until(() => ends.length > 0);
  await turn();
  expect([running.active, ends]).toEqual([false, [undefined]]);
  for (const fd of [...accepted, ...clients]) fd.close();
  expect(ring.stats.inFlight).toBe(0);
});

test('receives all bytes, also without a buffer for a while, and tells of the end', async () => {
  for (const batched of [false, true]) {
    const ring = openRing();
    const { client, server } = await connection(ring);
    using buffers = ring.provideBuffers({ count: 4, size: 64 });
    const bytes = pattern(20_000);
    const parts: Uint8Array[] = [];
    const held: number[] = [];
    const { ends } = keep(
      ring,
      op.recvMultishot(server, { buffers }),
      (result, flags) => {
        const start = buffers.take(flags, result);
        parts.push(buffers.mapping.bytes.slice(start, start + result));
        held.push(bufferId(flags));
        if (held.length < 4) return;
        const back = held.splice(0);
        setTimeout(() => {
          for (const id of back) buffers.recycle(id);
        }, 1);
      },
      { batched },
    );
    const sending = ring.sendAll(client, bytes).then(() => ring.shutdown(client, 'write'));
    await until(() => {
      if (buffers.lent === held.length) for (const id of held.splice(0)) buffers.recycle(id);
      return ends.length > 0;
    });
    await sending;
    expect(ends).toEqual([undefined]);
    expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
    expect(ring.stats.bufferShortages).toBeGreaterThan(0);
  }
});

test('an error is what it ends with', async () => {
  const ring = openRing();
  const { ends } = keep(ring, op.acceptMultishot(pipe()), () => undefined);
  await until(() => ends.length > 0);
  expect(ends[0]).toMatchObject({ code: 'ENOTSOCK', syscall: 'io_uring:accept' });
});

test('a signal ends it with an AbortError, before the start too', async () => {
  const ring = openRing();
  const abort = new AbortController();
  const { signal } = abort;
  const seen: number[] = [];
  const { ends } = keep(ring, op.timeoutMultishot(1), (result) => seen.push(result), { signal });
  await until(() => seen.length > 2);
  abort.abort(new Error('enough'));
  await until(() => ends.length > 0);
  expect(ends).toMatchObject([{ name: 'AbortError', cause: { message: 'enough' } }]);
  const late = keep(ring, op.timeoutMultishot(1), () => undefined, { signal });
  await turn();
  expect(late.ends).toMatchObject([{ name: 'AbortError' }]);
  expect(ring.stats.inFlight).toBe(0);
});

test('closing the ring ends it, in flight or waiting for a buffer', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  const buffers = ring.provideBuffers({ count: 1, size: 8 });
  const poll = keep(ring, op.pollMultishot(pipe(), ['in']), () => undefined);
  const receive = keep(ring, op.recvMultishot(server, { buffers }), (result, flags) => {
    buffers.take(flags, result);
  });
  await ring.send(client, bytesOf('more than eight bytes'));
  await until(() => ring.stats.bufferShortages > 0);
  await ring.close();
  expect(poll.ends).toMatchObject([{ code: 'ECANCELED' }]);
  expect(receive.ends).toHaveLength(1);
  expect(receive.ends[0]).toBeInstanceOf(Error);
});

test('a function that throws is an uncaught exception, and gets what follows', async () => {
  const ring = openRing();
  const uncaught = uncaughtErrors();
  let seen = 0;
  const { running, ends } = keep(ring, op.timeoutMultishot(1), () => {
    if (seen++ < 2) throw new Error(`number ${seen}`);
  });
  await until(() => seen > 4);
  running.cancel();
  await until(() => ends.length > 0);
  expect(uncaught).toMatchObject([{ message: 'number 1' }, { message: 'number 2' }]);
});

test('a completion queue of 2 entries loses none of 10,000', async () => {
  const ring = openRing({ entries: 2, completionEntries: 2 });
  const other = openRing();
  const { client, server } = await connection(other);
  using buffers = ring.provideBuffers({ count: 64, size: 1 });
  const total = 10_000;
  const bytes = pattern(total);
  const received = new Uint8Array(total);
  let count = 0;
  const { ends } = keep(ring, op.recvMultishot(server, { buffers }), (result, flags) => {
    received[count] = buffers.mapping.bytes[buffers.take(flags, result)] as number;
    count += result;
    buffers.recycle(bufferId(flags));
  });
  await other.sendAll(client, bytes);
  await other.shutdown(client, 'write');
  await until(() => ends.length > 0);
  expect(ends).toEqual([undefined]);
  expect(count).toBe(total);
  expect(Buffer.compare(received, bytes)).toBe(0);
  expect(ring.stats).toMatchObject({ inFlight: 0, stale: 0 });
});

/** As on a kernel that refuses the multishot bit: one that no kernel knows is in its place. */
function unknown<Result>(
  operation: MultishotOperation<Result>,
  bit: number,
): MultishotOperation<Result> {
  const { head, lower } = operation;
  operation.head = head | (bit << SQE_IOPRIO_SHIFT);
  operation.lower = () => {
    operation.head = head;
    lower?.();
  };
  return operation;
}

test('a kernel without the multishot form gets one operation after the other', async () => {
  const ring = openRing();
  const { client, server } = await connection(ring);
  using buffers = ring.provideBuffers({ count: 4, size: 16 });
  const received: number[] = [];
  const receive = unknown(op.recvMultishot(server, { buffers }), 1 << 14);
  const { ends } = keep(ring, receive, (result, flags) => {
    expect(flags & 2).toBe(0);
    buffers.take(flags, result);
    buffers.recycle(bufferId(flags));
    received.push(result);
  });
  for (let count = 0; count < 5; count++) {
    await ring.send(client, bytesOf('message'));
    await until(() => received.length === count + 1);
  }
  const listener = listen();
  const accept = unknown(op.acceptMultishot(listener), 1 << 14);
  const accepted: number[] = [];
  const accepting = keep(ring, accept, (result) => accepted.push(result));
  for (let count = 0; count < 3; count++) {
    using socket = await ring.socket('inet');
    await ring.connect(socket, addressOf(listener) as InternetAddress);
    await until(() => accepted.length === count + 1);
  }
  for (const fd of accepted) OwnedFd.adopt(fd).close();
  accepting.running.cancel();
  await ring.shutdown(client, 'write');
  await until(() => ends.length + accepting.ends.length === 2);
  expect([ends, accepting.ends]).toEqual([[undefined], [undefined]]);
  listener.close();
});

test('one whose pool is gone when it has to begin again ends without a buffer', async () => {
  const ring = openRing();
  const { server } = await connection(ring);
  const buffers = ring.provideBuffers({ count: 4, size: 16 });
  const receive = unknown(op.recvMultishot(server, { buffers }), 1 << 14);
  const { ends } = keep(ring, receive, () => undefined);
  buffers.dispose();
  await until(() => ends.length > 0);
  expect(ends).toEqual([expect.objectContaining({ code: 'ENOBUFS' })]);
  expect(ring.stats.inFlight).toBe(0);
});

test('lowered timers and polls go on as well', async () => {
  const ring = openRing();
  const timer = op.timeoutMultishot(1);
  timer.lower?.();
  let ticks = 0;
  const ticking = keep(ring, timer, () => ticks++);
  const file = pipe();
  const poll = op.pollMultishot(file, ['out']);
  poll.lower?.();
  let ready = 0;
  const polling = keep(ring, poll, () => {
    if (++ready === 5) polling.running.cancel();
  });
  await until(() => ticks > 4 && ready >= 5);
  ticking.running.cancel();
  await until(() => ticking.ends.length + polling.ends.length === 2);
  expect(ring.stats.inFlight).toBe(0);
});

test('keeps the process alive no longer than it runs', async () => {
  const ring = openRing();
  const { running, ends } = keep(ring, op.timeoutMultishot(1), () => undefined);
  await sleep(3);
  expect(ring.stats.inFlight).toBe(1);
  running.cancel();
  await until(() => ends.length > 0);
  expect(ring.stats.inFlight).toBe(0);
});

test('refuses wrong arguments', () => {
  const ring = openRing();
  const any = (value: unknown): never => value as never;
  const each = (): void => undefined;
  const poll = op.pollMultishot(asFd(0), ['in']);
  expectRefusal(() => ring.startMultishot(any(op.nop()), { each, end: each }), TYPE, 'operation');
  expectRefusal(() => ring.startMultishot(poll, any(undefined)), TYPE, 'options');
  expectRefusal(() => ring.startMultishot(poll, any({ each })), TYPE, 'end');
  expectRefusal(() => ring.startMultishot(poll, any({ end: each })), TYPE, 'each');
  const wrong = any({ each, end: each, ends: each });
  expectRefusal(() => ring.startMultishot(poll, wrong), VALUE, 'ends');
  const signal = any({ each, end: each, signal: {} });
  expectRefusal(() => ring.startMultishot(poll, signal), TYPE, 'signal');
});
