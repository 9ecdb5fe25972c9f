/** Promise 19: what is said of the kernel comes from probing it, and is what operations then do. */
import { features } from 'nearmetal/features';
import { asFd, Mapping, type Operation, op, type Ring } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import { folder, openRing } from '../support/ring.js';

const nowhere = asFd(19_999);
const bytes = new Uint8Array(8);
const missing = (): string => `${folder()}/missing`;

/** An operation of each kind that harms nobody, and that fails or ends at once. */
const HARMLESS: Record<string, (ring: Ring) => Operation<unknown>> = {
  NOP: () => op.nop(),
  READ: () => op.read(nowhere, bytes, { offset: 0 }),
  WRITE: () => op.write(nowhere, bytes, { offset: 0 }),
  READV: () => op.readv(nowhere, [bytes], { offset: 0 }),
  FSYNC: () => op.fsync(nowhere),
  POLL_ADD: () => op.pollAdd(nowhere, ['in']),
  TIMEOUT: () => op.timeout(1),
  ACCEPT: () => op.accept(nowhere),
  SEND: () => op.send(nowhere, bytes),
  RECV: () => op.recv(nowhere, bytes),
  OPENAT: () => op.openat(missing()),
  STATX: () => op.statx(missing()),
  SHUTDOWN: () => op.shutdown(nowhere, 'both'),
  UNLINKAT: () => op.unlinkat(missing()),
  MKDIRAT: () => op.mkdirat(`${missing()}/below`),
  SOCKET: () => op.socket('inet'),
  SEND_ZC: () => op.sendZc(nowhere, bytes),
  FUTEX_WAKE: () =>
    op.futexWake(new Uint32Array(Mapping.anonymous({ size: 4096 }).bytes.buffer), 1),
  FTRUNCATE: () => op.ftruncate(nowhere, 0),
  BIND: () => op.bind(nowhere, { host: '127.0.0.1', port: 0 }),
  LISTEN: () => op.listen(nowhere),
  PIPE: () => op.pipe(),
};

test.each(Object.entries(HARMLESS))('op:%s does as is said', async (name, make) => {
  needs('io_uring');
  const ring = openRing();
  const outcome = await ring.run(make(ring) as never).then(
    (value) => {
      for (const end of [value, ...Object.values(value ?? {})]) closeOf(end)?.();
      return 'done';
    },
    (error: Error) => error,
  );
  const refused = (outcome as { code?: string }).code === 'ERR_NEARMETAL_UNSUPPORTED';
  expect({ name, refused }).toEqual({ name, refused: features.op[name]?.supported !== true });
  if (refused) expect(outcome).toMatchObject({ feature: `op:${name}` });
});

function closeOf(value: unknown): (() => void) | undefined {
  const { close } = (value ?? {}) as { close?: () => void };
  return typeof close === 'function' ? close.bind(value) : undefined;
}

test.each(['DEFER_TASKRUN', 'SINGLE_ISSUER', 'NO_SQARRAY', 'COOP_TASKRUN', 'NO_MMAP'])(
  'setup:%s is refused if and only if it is said to be missing',
  async (name) => {
    needs('io_uring');
    const key = name.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    const options = name === 'DEFER_TASKRUN' ? { singleIssuer: true } : {};
    let outcome: unknown = 'opened';
    try {
      await openRing({ ...options, [key]: true }).close();
    } catch (error) {
      outcome = (error as { feature?: string }).feature;
    }
    const said = features.setup[name]?.supported === true;
    expect(outcome).toBe(said ? 'opened' : `setup:${name}`);
  },
);
