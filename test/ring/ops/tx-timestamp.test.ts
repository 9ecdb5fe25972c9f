/** txTimestampMultishot: when what was sent left, over loopback. */
import { features } from 'nearmetal/features';
import {
  asFd,
  cqeExtra,
  type FdLike,
  op,
  type RingOptions,
  type TxTimestamp,
} from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { IORING_CQE_F_MORE, IORING_CQE_F_TSTAMP_HW } from '../../../lib/abi.js';
import { needs } from '../../support/needs.js';
import { bytesOf, expectRefusal, openRing, openWith, TYPE, VALUE } from '../../support/ring.js';
import { setOption } from '../../support/socket.js';
import { udp } from '../../support/sockets.js';

/** TX_SOFTWARE, SOFTWARE, OPT_ID, TX_SCHED, OPT_TSONLY. */
const STAMPS = (1 << 1) | (1 << 4) | (1 << 7) | (1 << 8) | (1 << 11);
const LARGE: RingOptions[] = [
  { cqe32: true },
  ...(features.setup['CQE_MIXED']?.supported ? [{ cqeMixed: true }] : []),
];

test('tells of each datagram when it was scheduled and sent', async () => {
  needs('linux:6.17');
  for (const options of LARGE) {
    const ring = openRing(options);
    const near = udp();
    const far = udp();
    setOption(near.socket, 'socket', 'timestamping', STAMPS);
    const before = Date.now() / 1000 - 1;
    const stream = ring.txTimestampMultishot(near.socket);
    const first = stream.next();
    const count = 20;
    for (let index = 0; index < count; index++) {
      await ring.send(near.socket, bytesOf('x'), { to: far.address });
    }
    const stamps: TxTimestamp[] = [(await first).value as TxTimestamp];
    while (stamps.length < 2 * count) stamps.push((await stream.next()).value as TxTimestamp);
    for (const moment of ['scheduled', 'sent']) {
      const ids = stamps.filter((stamp) => stamp.moment === moment).map(({ id }) => id);
      expect(ids).toEqual(Array.from({ length: count }, (_, index) => index));
    }
    for (const { hardware, time } of stamps) {
      expect(hardware).toBe(false);
      expect(time.seconds).toBeGreaterThan(before);
      expect(time.nanoseconds).toBeLessThan(1e9);
    }
    await stream.return();
    expect(ring.stats.inFlight).toBe(0);
  }
});

test('is refused by rings of small completions, and by what is no socket', async () => {
  needs('linux:6.17');
  const { socket } = udp();
  const next = (options: RingOptions, fd: FdLike) =>
    openRing(options).txTimestampMultishot(fd).next();
  await expect(next({}, socket)).rejects.toMatchObject({ code: 'EINVAL' });
  const refused = { code: 'EOPNOTSUPP', syscall: 'io_uring:uring_cmd' };
  await expect(next({ cqe32: true }, openWith('x'))).rejects.toMatchObject(refused);
});

test('ids above 2^31 are no errors, and kinds of stamps are told apart', async () => {
  needs('linux:6.17');
  const ring = openRing({ cqe32: true });
  const { socket } = udp();
  const stream = ring.txTimestampMultishot(socket);
  const first = stream.next();
  await ring.nop();
  // As if the kernel had told it: so many datagrams take too long.
  const { complete } = stream as unknown as { complete: (...words: unknown[]) => void };
  cqeExtra.set([1_700_000_000n, 999n]);
  complete.call(stream, 0, -2, IORING_CQE_F_MORE | IORING_CQE_F_TSTAMP_HW | (2 << 17), undefined);
  cqeExtra.fill(0n);
  expect((await first).value).toEqual({
    id: 2 ** 32 - 2,
    moment: 'acknowledged',
    hardware: true,
    time: { seconds: 1_700_000_000, nanoseconds: 999 },
  });
  await stream.return();
  expect(ring.stats.inFlight).toBe(0);
});

test('refuses wrong arguments by name', () => {
  expectRefusal(() => op.txTimestampMultishot(3 as never), TYPE, '"socket"');
  expectRefusal(() => op.txTimestampMultishot(asFd(0), { id: 1 } as never), VALUE, '"id"');
});
