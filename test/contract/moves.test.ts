/** splice, tee, vmsplice, sendfile and copy_file_range as promises; the thread does not wait. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FdLike, pread, read, socketpair, write } from 'nearmetal/fd';
import { Mapping } from 'nearmetal/memory';
import {
  copyFileRange,
  Pipe,
  sendfile,
  splice,
  spliceSync,
  tee,
  vmsplice,
} from 'nearmetal/zerocopy';
import { expect, onTestFinished, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { needs } from '../support/needs.js';
import {
  bytesOf,
  folder,
  later,
  openPlain,
  openWith,
  pattern,
  RANGE,
  TYPE,
  text,
  turn,
  VALUE,
} from '../support/ring.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;

function pipe(...options: Parameters<typeof Pipe.open>): Pipe {
  const made = Pipe.open(...options);
  onTestFinished(() => made.close());
  return made;
}

function pair(nonblocking = true): ReturnType<typeof socketpair> {
  const [near, far] = socketpair({ nonblocking });
  onTestFinished(() => {
    near.close();
    far.close();
  });
  return [near, far];
}

const contents = (of: Pipe, count = 64): string => {
  const target = new Uint8Array(count);
  return text(target.subarray(0, read(of.readEnd, target)));
};

const readFrom = (fd: FdLike, into: Uint8Array): number => read(fd, into) ?? 0;

/** Leaves no room in a pipe; answers the bytes in it. */
function fill({ writeEnd, size }: Pipe): number {
  return write(writeEnd, new Uint8Array(size)) ?? 0;
}

/** Whether a promise has settled, a moment from now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  await turn();
  return settled;
}

onEachBackend((backend) => {
  test('splice waits for something to move, and then for room', async () => {
    const [first, second] = [pipe(), pipe()];
    fill(second);
    const moving = splice(first.readEnd, second.writeEnd, 100, { backend });
    expect(await isSettled(moving)).toBe(false);
    write(first.writeEnd, bytesOf('moved'));
    expect(await isSettled(moving)).toBe(false);
    read(second.readEnd, new Uint8Array(second.size));
    expect(await moving).toBe(5);
    expect(contents(second)).toBe('moved');
    first.writeEnd.close();
    expect(await splice(first.readEnd, second.writeEnd, 100, { backend })).toBe(0);
  });

  test('splice brings a file into a pipe, and a pipe into a file', async () => {
    const made = pipe();
    const file = openWith('0123456789');
    const target = openPlain(join(folder(), 'target'));
    expect(await splice(file, made.writeEnd, 4, { sourceOffset: 3, backend })).toBe(4);
    const how = { targetOffset: 2, move: true, more: true, backend };
    expect(await splice(made.readEnd, target, 100, how)).toBe(4);
    const bytes = new Uint8Array(6);
    expect(pread(target, bytes, 0)).toBe(6);
    expect(text(bytes)).toBe('\0\u00003456');
    expect(await splice(file, made.writeEnd, 4, { backend })).toBe(4);
    expect(await splice(file, made.writeEnd, 100, { backend })).toBe(6);
    expect(await splice(file, made.writeEnd, 4, { backend })).toBe(0);
    expect(contents(made)).toBe('0123456789');
    await expect(splice(file, target, 1, { backend })).rejects.toMatchObject({ code: 'EINVAL' });
    const refused = splice(made.readEnd, target, 1, { sourceOffset: 0, backend });
    await expect(refused).rejects.toMatchObject({ code: 'ESPIPE', syscall: 'splice' });
  });

  test('a file that finds no room waits for it without a thread', async () => {
    const made = pipe();
    const file = openWith(pattern(3_000_000));
    const bytes = fill(made);
    const moving = Array.from({ length: 8 }, () =>
      splice(file, made.writeEnd, 10, { sourceOffset: 7, backend }),
    );
    expect(await isSettled(Promise.any(moving))).toBe(false);
    // The threads, were they waiting for room, would be missed here.
    const copy = openPlain(join(folder(), 'copy'));
    expect(await copyFileRange(file, copy, 100)).toBe(100);
    const target = new Uint8Array(bytes);
    expect(read(made.readEnd, target)).toBe(bytes);
    expect(await Promise.all(moving)).toEqual(Array(8).fill(10));
    expect(read(made.readEnd, target)).toBe(80);
    expect(target.subarray(70, 80)).toEqual(pattern(17).subarray(7));
  });

  test('splice takes from a socket, and gives to one', async () => {
    const [near, far] = pair();
    const made = pipe({ size: 1 << 20 });
    const receiving = splice(near, made.writeEnd, 100, { backend });
    expect(await isSettled(receiving)).toBe(false);
    write(far, bytesOf('hello'));
    expect(await receiving).toBe(5);
    expect(await splice(made.readEnd, near, 100, { backend })).toBe(5);
    const back = new Uint8Array(5);
    expect(read(far, back)).toBe(5);
    expect(text(back)).toBe('hello');
    far.close();
    expect(await splice(near, made.writeEnd, 100, { backend })).toBe(0);
    write(made.writeEnd, back);
    const refused = splice(made.readEnd, near, 5, { backend });
    await expect(refused).rejects.toMatchObject({ code: 'EPIPE', syscall: 'splice' });
  });

  test('more than a socket takes goes there piece by piece', async () => {
    const [near, far] = pair();
    const made = pipe({ size: 1 << 20 });
    const bytes = pattern(2_000_000);
    const file = openWith(bytes);
    const path = join(folder(), 'sink');
    const sink = openPlain(path);
    const into = pipe();
    const receive = async (): Promise<void> => {
      for (let count = 0; count < bytes.length; ) {
        let left = await splice(far, into.writeEnd, 100_000, { backend });
        count += left;
        while (left > 0) left -= spliceSync(into.readEnd, sink, left) ?? 0;
      }
    };
    const reading = receive();
    for (let done = 0; done < bytes.length; ) {
      const some = await splice(file, made.writeEnd, 500_000, { sourceOffset: done, backend });
      for (let left = some; left > 0; ) {
        left -= await splice(made.readEnd, near, left, { backend });
      }
      done += some;
    }
    await reading;
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test('a socket that blocks is for a worker of the kernel, and for no helper thread', async () => {
    const [near, far] = pair(false);
    const made = pipe();
    const stop = new AbortController();
    const moving = later(splice(near, made.writeEnd, 9, { backend, signal: stop.signal }));
    if (backend === 'epoll') {
      await expect(moving).rejects.toMatchObject({ code: VALUE });
    } else {
      expect(await isSettled(moving)).toBe(false);
      stop.abort();
      await expect(moving).rejects.toMatchObject({ name: 'AbortError' });
      write(far, bytesOf('kept'));
      expect(await splice(near, made.writeEnd, 9, { backend })).toBe(4);
    }
    const file = openWith('x');
    await expect(sendfile(near, file, 1, { backend })).rejects.toMatchObject({ code: VALUE });
  });

  test('tee waits, copies and leaves', async () => {
    const [first, second] = [pipe(), pipe()];
    const copying = tee(first.readEnd, second.writeEnd, 100, { backend });
    expect(await isSettled(copying)).toBe(false);
    write(first.writeEnd, bytesOf('twice'));
    expect(await copying).toBe(5);
    expect([contents(first), contents(second)]).toEqual(['twice', 'twice']);
    const refused = tee(first.readEnd, first.writeEnd, 1, { backend });
    await expect(refused).rejects.toMatchObject({ code: 'EINVAL', syscall: 'tee' });
    const waiting = later(tee(first.readEnd, second.writeEnd, 1, { backend }));
    second.readEnd.close();
    write(first.writeEnd, bytesOf('x'));
    await expect(waiting).rejects.toMatchObject({ code: 'EPIPE' });
  });

  test('vmsplice waits for room, and of a read end for bytes', async () => {
    const made = pipe();
    using mapping = Mapping.anonymous({ size: 4096 });
    mapping.bytes.set(bytesOf('shown'));
    fill(made);
    const showing = vmsplice(made.writeEnd, [mapping.bytes.subarray(0, 5)], { backend });
    expect(await isSettled(showing)).toBe(false);
    read(made.readEnd, new Uint8Array(made.size));
    expect(await showing).toBe(5);
    expect(contents(made)).toBe('shown');
    const target = new Uint8Array(8);
    const filling = vmsplice(made.readEnd, [target], { backend });
    expect(await isSettled(filling)).toBe(false);
    write(made.writeEnd, bytesOf('filled'));
    expect(await filling).toBe(6);
    expect(text(target)).toBe('filled\0\0');
  });

  test('memory that is gone when its turn comes is refused', async () => {
    const made = pipe();
    const mapping = Mapping.anonymous({ size: 4096 });
    fill(made);
    const showing = later(vmsplice(made.writeEnd, [mapping.bytes], { backend }));
    const target = new Uint8Array(8);
    const other = pipe();
    const filling = later(vmsplice(other.readEnd, [target], { backend }));
    await turn();
    mapping.dispose();
    structuredClone(target.buffer, { transfer: [target.buffer] });
    read(made.readEnd, new Uint8Array(made.size));
    write(other.writeEnd, bytesOf('kept'));
    await expect(showing).rejects.toMatchObject({ code: VALUE });
    await expect(filling).rejects.toMatchObject({ code: VALUE });
    expect(contents(other)).toBe('kept');
  });

  test('sendfile waits for a socket to have room', async () => {
    const [near, far] = pair();
    const bytes = pattern(1_500_000);
    const file = openWith(bytes);
    const into = new Uint8Array(bytes.length);
    let received = 0;
    let sent = 0;
    for (; sent < bytes.length; ) {
      const sending = sendfile(near, file, bytes.length - sent, { offset: sent, backend });
      if (!(await isSettled(sending))) received += readFrom(far, into.subarray(received));
      sent += await sending;
    }
    while (received < sent) received += readFrom(far, into.subarray(received));
    expect(sent).toBe(bytes.length);
    expect(Buffer.compare(into, bytes)).toBe(0);
    expect(await sendfile(near, file, 10, { offset: sent, backend })).toBe(0);
    far.close();
    const refused = sendfile(near, file, 1, { backend });
    await expect(refused).rejects.toMatchObject({ code: 'EPIPE', syscall: 'sendfile' });
  });

  test('sendfile goes to files and pipes too, from an offset or a position', async () => {
    const file = openWith('hello world');
    const made = pipe();
    const path = join(folder(), 'target');
    const target = openPlain(path);
    expect(await sendfile(made.writeEnd, file, 5, { offset: 6, backend })).toBe(5);
    expect(await sendfile(made.writeEnd, file, 5, { backend })).toBe(5);
    expect(contents(made)).toBe('worldhello');
    expect(await sendfile(target, file, 100, { backend })).toBe(6);
    expect(await sendfile(target, file, 100, { backend })).toBe(0);
    expect(readFileSync(path, 'utf8')).toBe(' world');
  });

  test('given up, nothing has been moved, and nobody waits any more', async () => {
    needs('proc');
    const before = descriptors();
    {
      const [first, second] = [Pipe.open(), Pipe.open()];
      const stop = new AbortController();
      const how = { signal: stop.signal, backend };
      const waiting = [
        splice(first.readEnd, second.writeEnd, 9, how),
        tee(first.readEnd, second.writeEnd, 9, how),
        vmsplice(first.readEnd, [new Uint8Array(9)], how),
      ];
      for (const each of waiting) later(each);
      await turn();
      stop.abort();
      for (const each of waiting) {
        await expect(each).rejects.toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
      }
      await expect(splice(first.readEnd, second.writeEnd, 9, how)).rejects.toThrow(/abort/);
      write(first.writeEnd, bytesOf('kept'));
      expect(contents(first)).toBe('kept');
      first.close();
      second.close();
    }
    await turn();
    expect(descriptors()).toBeLessThanOrEqual(before + (backend === 'epoll' ? 2 : 4));
  });

  test('closed meanwhile, it ends with ECANCELED', async () => {
    const [first, second] = [pipe(), pipe()];
    const waiting = later(splice(first.readEnd, second.writeEnd, 9, { backend }));
    await turn();
    first.readEnd.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED', syscall: 'splice' });
    const third = pipe();
    write(third.writeEnd, bytesOf('x'));
    fill(second);
    const full = later(splice(third.readEnd, second.writeEnd, 9, { backend }));
    await turn();
    second.writeEnd.close();
    await expect(full).rejects.toMatchObject({ code: 'ECANCELED' });
    expect(contents(third)).toBe('x');
  });

  test('wrong arguments are refused', async () => {
    const file = openWith('x');
    const made = pipe();
    const { readEnd, writeEnd } = made;
    const refused = async (promise: Promise<unknown>, code: string, words: string): Promise<void> =>
      await expect(promise).rejects.toMatchObject({
        code,
        message: expect.stringContaining(words),
      });
    await refused(splice(file, writeEnd, -1, { backend }), RANGE, 'length');
    await refused(splice('x' as never, writeEnd, 1), TYPE, 'source');
    await refused(splice(file, writeEnd, 1, { nonblock: true } as never), VALUE, 'nonblock');
    await refused(splice(file, writeEnd, 1, { backend: 'uring' as never }), VALUE, 'backend');
    await refused(splice(file, writeEnd, 1, { signal: {} as never }), TYPE, 'signal');
    await refused(tee(readEnd, writeEnd, 1.5, { backend }), RANGE, 'length');
    await refused(tee(readEnd, writeEnd, 1, null as never), TYPE, 'options');
    await refused(vmsplice(writeEnd, [new Uint8Array(1)], { backend }), VALUE, 'of a Mapping');
    await refused(sendfile(writeEnd, file, 1, { offset: -1, backend }), RANGE, 'offset');
    await refused(copyFileRange(file, file, 1, { backend } as never), VALUE, 'backend');
  });
});

test('copy_file_range copies on a helper thread, at most 64 MiB a call', async () => {
  const source = openWith(pattern(100_000));
  const path = join(folder(), 'copy');
  const target = openPlain(path);
  expect(await copyFileRange(source, target, 8 * 2 ** 30, { sourceOffset: 10 })).toBe(99_990);
  expect(await copyFileRange(source, target, 10, { targetOffset: 0 })).toBe(10);
  expect(await copyFileRange(source, target, 1, { sourceOffset: 100_000 })).toBe(0);
  const expected = Buffer.from(pattern(100_000)).subarray(10);
  expect(readFileSync(path).subarray(10).equals(expected.subarray(10))).toBe(true);
  expect(
    readFileSync(path)
      .subarray(0, 10)
      .equals(Buffer.from(pattern(10))),
  ).toBe(true);
  const large = join(folder(), 'large');
  writeFileSync(large, new Uint8Array(65 << 20));
  expect(await copyFileRange(openPlain(large), target, 65 << 20)).toBe(64 << 20);
  await expect(copyFileRange(source, pipe().writeEnd, 1)).rejects.toMatchObject({
    code: 'EINVAL',
    syscall: 'copy_file_range',
  });
  const signal = AbortSignal.abort();
  await expect(copyFileRange(source, target, 1, { signal })).rejects.toMatchObject({
    name: 'AbortError',
  });
});
