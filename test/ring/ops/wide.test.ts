/** Commands to drivers, short and long, and entries of 128 bytes, as the kernel reads them. */
import { UnsupportedError } from 'nearmetal/errors';
import { features } from 'nearmetal/features';
import { asFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import {
  IORING_OP_URING_CMD,
  IORING_OP_URING_CMD128,
  SOCKET_URING_OP_SIOCINQ,
} from '../../../lib/abi.js';
import { Spill } from '../../../lib/ring/spill.js';
import { SubmissionQueue } from '../../../lib/ring/submission-queue.js';
import { needs } from '../../support/needs.js';
import {
  connection,
  expectRefusal,
  openRing,
  openWith,
  RANGE,
  TYPE,
  VALUE,
} from '../../support/ring.js';

const ENTRIES = 4;
const WIDE = 32;

/** A queue of wide entries that no kernel looks at, full of old words. */
function wideQueue(): SubmissionQueue {
  return queueOf(WIDE);
}

function queueOf(sqeWords: number): SubmissionQueue {
  const rings = new Int32Array(8);
  const sqes = new Int32Array(ENTRIES * sqeWords).fill(-1);
  const at = { head: 0, tail: 1, flags: 2, array: -1 };
  const layout = { ...at, entries: ENTRIES, sqeWords, singleThreaded: true, polled: false };
  return new SubmissionQueue(rings, sqes, layout);
}

const file = asFd(19_999);
const command = Uint8Array.from({ length: 80 }, (_, index) => index + 1);
const made = () => op.unsafeUringCmd128(file, 7, command);

function expectEncoded(words: Int32Array, first: number): void {
  const entry = words.slice(first * WIDE, (first + 1) * WIDE);
  expect((entry[0] as number) & 0xff).toBe(IORING_OP_URING_CMD128);
  expect([...entry.subarray(1, 4)]).toEqual([file.fd, 7, 0]);
  expect([...entry.subarray(8, 10)]).toEqual([5, 6]);
  expect(new Uint8Array(entry.buffer, 48, 80)).toEqual(command);
}

test('a command fills the second half of its entry, and others leave it empty', () => {
  const queue = wideQueue();
  queue.push(made() as never, 5, 6, 0);
  queue.push(op.nop() as never, 1, 2, 0);
  expectEncoded(queue.words, 0);
  expect([...queue.words.subarray(WIDE + 10, WIDE * 2)]).toEqual(Array(22).fill(0));
});

test('a command that had to wait for room arrives whole', () => {
  const [spill, queue] = [new Spill(), wideQueue()];
  spill.push(op.nop() as never, 1, 2, 0);
  spill.push(made() as never, 5, 6, 0);
  spill.moveTo(queue);
  expectEncoded(queue.words, 1);
});

/** As NVMe's header has it: _IOWR('N', 0x80, struct nvme_uring_cmd). */
const NVME_URING_CMD_IO = 0xc048_4e80;
const NVME_READ = 2;

test("NVMe's passthrough: its command stands whole behind the first 48 bytes", async () => {
  needs('op:URING_CMD');
  const nvme = new DataView(new ArrayBuffer(72));
  nvme.setUint8(0, NVME_READ);
  nvme.setUint32(4, 1, true);
  nvme.setBigUint64(24, 0x1234_5678_9abcn, true);
  nvme.setUint32(36, 4096, true);
  nvme.setUint32(48, 7, true);
  const queue = wideQueue();
  queue.push(op.unsafeUringCmd(file, NVME_URING_CMD_IO, nvme) as never, 5, 6, 0);
  const entry = new Uint8Array(queue.words.slice(0, WIDE).buffer);
  const words = new DataView(entry.buffer);
  expect(words.getUint8(0)).toBe(IORING_OP_URING_CMD);
  expect(words.getInt32(4, true)).toBe(file.fd);
  expect(words.getBigUint64(8, true)).toBe(BigInt(NVME_URING_CMD_IO));
  expect(entry.subarray(48, 120)).toEqual(new Uint8Array(nvme.buffer));
  expect(entry.subarray(120)).toEqual(new Uint8Array(8));
  // Its long command would take the place of the next entry.
  expect(() => openRing().run(op.unsafeUringCmd(file, NVME_URING_CMD_IO, nvme))).toThrow(
    'needs a ring made with sqe128',
  );
  const ring = openRing({ sqe128: true });
  const asked = ring.run(op.unsafeUringCmd(openWith('no NVMe'), NVME_URING_CMD_IO, nvme));
  await expect(asked).rejects.toMatchObject({
    code: 'EOPNOTSUPP',
    syscall: 'io_uring:uring_cmd',
  });
});

test('a command of 16 bytes fills an ordinary entry, and the next one has none of it', () => {
  const short = command.subarray(0, 16);
  for (const sqeWords of [16, WIDE]) {
    const queue = queueOf(sqeWords);
    const spill = new Spill();
    spill.push(op.unsafeUringCmd(file, 7, short) as never, 5, 6, 0);
    spill.push(op.unsafeUringCmd(file, 7, short.subarray(0, 3)) as never, 5, 6, 0);
    spill.moveTo(queue);
    queue.push(op.nop() as never, 1, 2, 0);
    const [first, second, third] = [0, 1, 2].map((index) =>
      queue.words.slice(index * sqeWords, (index + 1) * sqeWords),
    ) as [Int32Array, Int32Array, Int32Array];
    expect((first[0] as number) & 0xff).toBe(IORING_OP_URING_CMD);
    expect([...first.subarray(1, 4)]).toEqual([file.fd, 7, 0]);
    expect(new Uint8Array(first.buffer, 48, 16)).toEqual(short);
    expect([...new Uint8Array(second.buffer, 48, 16)]).toEqual([1, 2, 3, ...Array(13).fill(0)]);
    expect([...third.subarray(12)]).toEqual(Array(sqeWords - 12).fill(0));
  }
});

test('a short command reaches the driver, on rings of both sizes', async () => {
  needs('linux:6.7');
  for (const ring of [openRing(), openRing({ sqe128: true })]) {
    const { client, server } = await connection(ring);
    await ring.send(client, new Uint8Array(7));
    await ring.pollAdd(server, ['in']);
    const none = new Uint8Array(0);
    // Of a socket's own commands, the one that needs no bytes (SOCKET_URING_OP_SIOCINQ).
    expect(await ring.run(op.unsafeUringCmd(server, SOCKET_URING_OP_SIOCINQ, none))).toBe(7);
    const refused = { code: 'EOPNOTSUPP', syscall: 'io_uring:uring_cmd' };
    const unknown = op.unsafeUringCmd(server, 9999, command.subarray(0, 16));
    await expect(ring.run(unknown)).rejects.toMatchObject(refused);
    const ordinary = op.unsafeUringCmd(openWith('x'), 0, command.subarray(0, 16));
    await expect(ring.run(ordinary)).rejects.toMatchObject(refused);
    await ring.nop();
  }
});

test('is refused where the kernel or the ring has short entries', async () => {
  needs('setup:SQE128');
  const kernelHasIt = features.op.NOP128?.supported ?? false;
  const refusal = kernelHasIt ? 'needs a ring made with sqe128' : 'op:NOP128';
  const ring = openRing();
  expect(() => ring.run(op.nop128())).toThrow(refusal);
  expect(ring.stats.inFlight).toBe(0);
  const wide = openRing({ sqe128: true });
  if (kernelHasIt) {
    await wide.run(op.nop128());
    const asked = wide.run(op.unsafeUringCmd128(openWith('x'), 0, command));
    await expect(asked).rejects.toMatchObject({
      code: 'EOPNOTSUPP',
      syscall: 'io_uring:uring_cmd128',
    });
  } else {
    expect(() => wide.run(op.nop128())).toThrow(UnsupportedError);
    expect(() => wide.run(made())).toThrow(UnsupportedError);
  }
  await wide.nop();
});

test('refuses wrong arguments by name', () => {
  expectRefusal(() => op.nop128({ asynk: true } as never), VALUE, '"async"');
  expectRefusal(() => op.unsafeUringCmd128(3 as never, 0, command), TYPE, '"fd"');
  expectRefusal(() => op.unsafeUringCmd128(file, -1, command), RANGE, '"number"');
  expectRefusal(() => op.unsafeUringCmd128(file, 0, new Uint8Array(81)), VALUE, '80 bytes');
  expectRefusal(() => op.unsafeUringCmd128(file, 0, [] as never), TYPE, '"command"');
  expectRefusal(() => op.unsafeUringCmd(3 as never, 0, command), TYPE, '"fd"');
  expectRefusal(() => op.unsafeUringCmd(file, 2 ** 32, command), RANGE, '"number"');
  expectRefusal(() => op.unsafeUringCmd(file, 0, new Uint8Array(81)), VALUE, '80 bytes');
  expectRefusal(() => op.unsafeUringCmd(file, 0, 'x' as never), TYPE, '"command"');
});
