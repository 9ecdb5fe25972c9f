/** What the types promise: checked by the compiler (types.test.ts), never run. */
import type { OwnedFd } from 'nearmetal/fd';
import { addressOf, listen } from 'nearmetal/net';
import {
  asFd,
  type BufferRing,
  type ChildStatus,
  type DirectFd,
  type EpollEvent,
  type FileStatus,
  type FileType,
  type Lease,
  type LeasedMessage,
  Mapping,
  type Message,
  type MultishotStream,
  op,
  type PipeEnds,
  type PollEvents,
  Ring,
  type ZeroCopyRelease,
} from 'nearmetal/ring';

/** True when both are the same type, and not only assignable. */
type Same<Left, Right> =
  (<T>() => T extends Left ? 1 : 2) extends <T>() => T extends Right ? 1 : 2 ? true : false;
const same = <Left, Right>(_proof: Same<Left, Right>): void => undefined;

export async function results(buffers: BufferRing): Promise<void> {
  await using ring = Ring.open({ entries: 8, loop: 'uv', sqpoll: false });
  using mapping = Mapping.anonymous({ size: 4096 });
  using listener = listen({ port: 0 });
  using file = await ring.openat('file', { access: 'readwrite', create: true, timeoutMs: 5 });
  using _registered = ring.registerBuffers([mapping]);
  using files = ring.registerFiles([file]);
  await using socket = await ring.socket('inet');

  const read = ring.read(file, mapping.bytes, { offset: 0, signal: AbortSignal.timeout(5) });
  same<typeof read, Promise<number>>(true);
  const closed = ring.run(op.close(file));
  same<typeof closed, Promise<void>>(true);
  const opened = ring.run(op.openat('file'));
  same<typeof opened, Promise<OwnedFd>>(true);
  const direct = ring.openat('file', { into: ring.files });
  same<typeof direct, Promise<DirectFd>>(true);
  const accepted = ring.acceptMultishot(listener, { into: ring.files });
  same<typeof accepted, MultishotStream<DirectFd>>(true);
  // @ts-expect-error a DirectFd is known to its ring only
  ring.statx(await direct);
  const status = ring.run(op.statx(file));
  same<typeof status, Promise<FileStatus>>(true);
  const poll = ring.pollAdd(file, ['in', 'out']);
  same<typeof poll, Promise<PollEvents>>(true);
  const accepting = ring.stream(op.acceptMultishot(listener));
  same<typeof accepting, MultishotStream<OwnedFd>>(true);
  for await (using lease of ring.recvMultishot(socket, { buffers })) {
    same<typeof lease, Lease>(true);
    same<typeof lease.bytes, Uint8Array>(true);
  }
  await ring.readv(asFd(1), [new Uint8Array(1), new DataView(new ArrayBuffer(1))]);
  await ring.write(files.files[0]!, Buffer.from('x'));
  const address = addressOf(listener);
  if ('port' in address) same<typeof address.port, number>(true);
  const message = ring.recvmsg(socket, [new Uint8Array(1)], { controlBytes: 64 });
  same<typeof message, Promise<Message>>(true);
  for await (using received of ring.recvmsgMultishot(socket, { buffers })) {
    same<typeof received, LeasedMessage>(true);
    same<typeof received.control.rights, readonly OwnedFd[]>(true);
  }
  const send = await ring.sendZc(socket, mapping.bytes, { fixed: true, reportUsage: true });
  same<typeof send.released, Promise<ZeroCopyRelease>>(true);
  const waited = ring.futexWait(new Int32Array(mapping.bytes.buffer), 0, 0, { mask: 1 });
  same<typeof waited, Promise<'ok' | 'not-equal'>>(true);
  await ring.setsockopt(socket, 'tcp', 'nodelay', true);
  const ended = ring.waitid({ pid: 1 }, { noHang: true });
  same<typeof ended, Promise<ChildStatus | undefined>>(true);
  const ends = ring.pipe({ nonblock: true });
  same<typeof ends, Promise<PipeEnds>>(true);
  const directEnds = ring.pipe({ into: ring.files });
  same<typeof directEnds, Promise<PipeEnds<DirectFd>>>(true);
  await ring.splice(files.files[0]!, (await ends).write, 5, { sourceOffset: 0, more: true });
  const found = ring.openat2('file', { dirfd: file, beneath: true });
  same<typeof found, Promise<OwnedFd>>(true);
  const value = ring.fgetxattr(file, 'user.name');
  same<typeof value, Promise<Uint8Array>>(true);
  const events = ring.epollWait(file, { maxEvents: 5 });
  same<typeof events, Promise<EpollEvent[]>>(true);
  const registered = ring.filesUpdate([file], { into: ring.files });
  same<typeof registered, Promise<DirectFd[]>>(true);
  const installed = ring.fixedFdInstall(await direct);
  same<typeof installed, Promise<OwnedFd>>(true);
  for await (using lease of ring.readMultishot(file, { buffers })) same<typeof lease, Lease>(true);
  await ring.madvise(mapping, 'collapse');
  await ring.write(file, mapping.bytes, { append: true, dsync: true });
  same<FileStatus['type'], FileType>(true);
  for await (const { tag, value, file } of ring.messages({ files: true })) {
    same<typeof tag | typeof value, number>(true);
    same<typeof file, DirectFd | undefined>(true);
  }
  await ring.msgRing(asFd(ring.fd), { tag: 1, value: 2 });
  const error: NodeJS.ErrnoException = await ring.nop().catch((reason) => reason);
  console.log(error);
}

export function refused(ring: Ring, fd: OwnedFd, buffers: BufferRing): void {
  const view = new Uint8Array(1);
  // @ts-expect-error a multishot operation is no promise
  ring.run(op.acceptMultishot(fd));
  // @ts-expect-error a multishot operation is no promise
  ring.run(op.recvMultishot(fd, { buffers }));
  // @ts-expect-error a single-shot operation is no stream
  ring.stream(op.accept(fd));
  // @ts-expect-error a bare number is not a descriptor
  ring.read(3, view);
  // @ts-expect-error a misspelt option
  ring.read(fd, view, { ofset: 5 });
  // @ts-expect-error bytes, not text
  ring.write(fd, 'text');
  // @ts-expect-error an ArrayBuffer is not a view
  ring.read(fd, new ArrayBuffer(1));
  // @ts-expect-error one of the accesses
  ring.openat('file', { access: 'rw' });
  // @ts-expect-error one of the events
  ring.pollAdd(fd, ['read']);
  // @ts-expect-error a whole address
  ring.connect(fd, { host: '::1' });
  // @ts-expect-error an option of another level
  ring.setsockopt(fd, 'udp', 'nodelay', 1);
  // @ts-expect-error descriptors are objects here too
  ring.sendmsg(fd, view, { control: { rights: [3] } });
  // @ts-expect-error a file of the table, not a descriptor
  ring.msgRingFd(fd, fd);
  // @ts-expect-error a futex is a word
  ring.futexWait(view, 0, 0);
  // @ts-expect-error one way to say which children
  ring.waitid(5);
  // @ts-expect-error a read cannot append
  ring.read(fd, view, { append: true });
  // @ts-expect-error advice that discards is for the mapping itself
  ring.madvise(view, 'dontneed');
  // @ts-expect-error no slot of a table has a descriptor of its own: only a DirectFd does
  ring.fixedFdInstall(fd);
  // @ts-expect-error where to?
  ring.filesUpdate([fd]);
  // @ts-expect-error one of the actions
  ring.epollCtl(fd, 'remove', fd);
  // @ts-expect-error a handler is made by the ring
  ring.start(op.nop(), () => undefined);
  // @ts-expect-error no such option
  Ring.open({ sqPoll: true });
  // @ts-expect-error a ring is opened, not constructed
  new Ring();
  // @ts-expect-error a ring is closed with `await using`
  using _ring = Ring.open();
  // @ts-expect-error the number of a descriptor cannot be set
  fd.fd = 5;
}
