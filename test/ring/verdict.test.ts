/** A ring that the kernel will not have any more, and signals that many operations listen to. */
import { Mapping, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { EBADF, ECANCELED, IOSQE_IO_LINK, SYS_io_uring_enter } from '../../lib/abi.js';
import { native } from '../../lib/native.js';
import { SQE_FLAGS_SHIFT } from '../../lib/ring/sqe.js';
import { needs } from '../support/needs.js';
import { later, openRing, pipe, turn, until } from '../support/ring.js';
import { seam, withSeam } from '../support/seam.js';
import { warnings } from '../support/warnings.js';

withSeam('a hard error of io_uring_enter is the error of all that was pending', async () => {
  const heard = warnings();
  const ring = openRing();
  const file = pipe();
  const read = later(ring.read(file, new Uint8Array(8)));
  const poll = later(ring.pollMultishot(file, ['in']).next());
  const results: number[] = [];
  ring.start(
    op.timeout(60_000),
    ring.handler((_tag, result) => results.push(result)),
  );
  await turn();
  seam().fail(SYS_io_uring_enter, 1, 1, EBADF);
  const refused = later(ring.nop());
  const bad = { code: 'EBADF', errno: -EBADF };
  await expect(refused).rejects.toMatchObject({ ...bad, syscall: 'io_uring:nop' });
  await expect(read).rejects.toMatchObject({ ...bad, syscall: 'io_uring:read' });
  await expect(poll).rejects.toMatchObject({ ...bad, syscall: 'io_uring:poll_add' });
  expect(results).toEqual([-EBADF]);
  expect(ring.closed).toBe(true);
  await until(() => heard.some(({ message }) => message.includes('io_uring_enter')));
  await expect(ring.nop()).rejects.toMatchObject({ code: 'ERR_INVALID_STATE' });
});

test('one signal cancels any number of operations through one listener', async () => {
  const heard = warnings();
  const ring = openRing();
  const file = pipe();
  const abort = new AbortController();
  const added: string[] = [];
  const add = abort.signal.addEventListener.bind(abort.signal);
  abort.signal.addEventListener = (...words: Parameters<typeof add>) => {
    added.push(words[0]);
    add(...words);
  };
  const { signal } = abort;
  const reads = Array.from({ length: 50 }, () =>
    later(ring.read(file, new Uint8Array(8), { signal })),
  );
  const streams = Array.from({ length: 20 }, () =>
    later(ring.pollMultishot(file, ['in'], { signal }).next()),
  );
  await turn();
  expect(added).toEqual(['abort']);
  abort.abort();
  for (const one of [...reads, ...streams]) {
    await expect(one).rejects.toMatchObject({ name: 'AbortError' });
  }
  await until(() => ring.stats.inFlight === 0);
  expect(heard).toEqual([]);
});

test('a signal that outlives its operations is not listened to any more', async () => {
  const ring = openRing();
  const abort = new AbortController();
  let listeners = 0;
  const { signal } = abort;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...words: Parameters<typeof add>) => {
    listeners++;
    add(...words);
  };
  signal.removeEventListener = (...words: Parameters<typeof remove>) => {
    listeners--;
    remove(...words);
  };
  await Promise.all(Array.from({ length: 20 }, () => ring.nop({ signal })));
  expect(listeners).toBe(0);
  abort.abort();
  await ring.nop();
  expect(ring.stats.inFlight).toBe(0);
});

test('a close that is cancelled before it began is given back, to a handler too', async () => {
  needs('linux:6.6');
  const ring = openRing();
  const file = pipe();
  using mapping = Mapping.anonymous({ size: 4096 });
  const opened = await ring.openat('/dev/null');
  const { fd } = opened;
  const results: number[] = [];
  const handler = ring.handler((tag, result) => {
    results[tag] = result;
  });
  const read = op.read(file, mapping.bytes);
  read.head |= IOSQE_IO_LINK << SQE_FLAGS_SHIFT;
  ring.start(read, handler, 0);
  ring.start(op.close(opened), handler, 1);
  await turn();
  expect(opened.closed).toBe(true);
  expect(await ring.run(op.asyncCancel({ opcode: 'read' }))).toBe(1);
  await until(() => results.length === 2);
  expect(results).toEqual([-ECANCELED, -ECANCELED]);
  expect(native.fcntl(fd, 1, 0)).toBeLessThan(0);
});
