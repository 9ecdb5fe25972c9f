/** close: takes the descriptor over, and closes it in order. */
import { existsSync } from 'node:fs';
import { asFd, op } from 'nearmetal/ring';
import { expect, test } from 'vitest';
import { connection, expectRefusal, fileOf, later, openRing, TYPE } from '../../support/ring.js';

test('closes a descriptor that is nobody else’s any more', async () => {
  const ring = openRing();
  const file = await ring.openat(fileOf('x'));
  const number = file.fd;
  const closing = ring.run(op.close(file));
  expect(file.closed).toBe(true);
  expect(file.fd).toBe(-1);
  file.close();
  expect(await closing).toBe(undefined);
  expect(existsSync(`/proc/self/fd/${number}`)).toBe(false);
});

test('refuses what is closed, in use, or not owned', async () => {
  const ring = openRing();
  const file = await ring.openat(fileOf('x'));
  file.close();
  expectRefusal(() => op.close(file), TYPE, 'an open OwnedFd');
  expectRefusal(() => op.close(asFd(1) as never), TYPE, 'an open OwnedFd');
  expectRefusal(() => op.close(1 as never), TYPE, 'an open OwnedFd');
  const { client } = await connection(ring);
  const waiting = later(ring.recv(client, new Uint8Array(1)));
  expectRefusal(() => op.close(client), TYPE, 'without operations in flight');
  client.close();
  await expect(waiting).rejects.toMatchObject({ code: 'ECANCELED' });
});
