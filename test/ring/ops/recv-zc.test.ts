/** recvZc: what is written into the entry, and how it is refused without such a card. */
import { asFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../../support/needs.js';
import {
  connection,
  expectRefusal,
  later,
  openRing,
  RANGE,
  TYPE,
  VALUE,
} from '../../support/ring.js';

test('writes what the kernel wants', () => {
  const operation = op.recvZc(asFd(5), { interfaceQueue: 3, length: 4096, pollFirst: true });
  expect(operation).toMatchObject({ fd: 5, fileIndex: 3, length: 4096, addressLow: 0 });
  // RECV_ZC, and in ioprio POLL_FIRST and MULTISHOT.
  expect(operation.head).toBe(58 | (3 << 16));
});

test('is refused where no queue of a card is registered', async () => {
  needs('op:RECV_ZC');
  const ring = openRing();
  const { server } = await connection(ring);
  const stream = ring.stream(op.recvZc(server, { interfaceQueue: 0 }));
  await expect(later(stream.next())).rejects.toMatchObject({
    code: 'EINVAL',
    syscall: 'io_uring:recv_zc',
    fd: server.fd,
  });
});

test('refuses wrong arguments by name', () => {
  expectRefusal(() => op.recvZc(5 as never, { interfaceQueue: 0 }), TYPE, '"socket"');
  expectRefusal(() => op.recvZc(asFd(0), {} as never), TYPE, '"interfaceQueue"');
  expectRefusal(() => op.recvZc(asFd(0), { interfaceQueue: 0, length: -1 }), RANGE, '"length"');
  expectRefusal(() => op.recvZc(asFd(0), { interfaceQueue: 0, size: 1 } as never), VALUE, '"size"');
});
