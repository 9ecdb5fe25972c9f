/** Promise 10: without io_uring the library loads and works, or says exactly why not. */
import { describe, expect, test } from 'vitest';
import { EMFILE, ENOMEM, ENOSYS, EPERM } from '../../lib/abi.js';
import { needs, OWN_RINGS } from '../support/needs.js';
import { type Circumstances, evaluate, IO_URING_CALLS } from '../support/nouring.js';

/** Imports every face, asks what there is, and sends bytes through a server of its own. */
const PROGRAM = `
  import 'nearmetal'; import 'nearmetal/fs'; import 'nearmetal/fd'; import 'nearmetal/memory';
  import { once } from 'node:events';
  import { features } from 'nearmetal/features';
  import { openBackend } from 'nearmetal/loop';
  import { connect, createServer } from 'nearmetal/net';
  import { Ring } from 'nearmetal/ring';
  const opened = (() => {
    try { Ring.open().close(); return 'a ring'; }
    catch ({ name, code, message, cause }) {
      return { name, code: cause?.code ?? code, message };
    }
  })();
  const backend = openBackend();
  const { name } = backend;
  await backend.close();
  const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect(server.address().port, '127.0.0.1');
  client.end('there and back');
  let back = '';
  for await (const bytes of client) back += bytes;
  server.close();
  console.log(JSON.stringify({ opened, name, back, available: features.ioUring.available }));`;

interface Seen {
  opened: { name: string; code: string; message: string };
  name: string;
  back: string;
  available: boolean;
}

function expectFallback(circumstances: Circumstances, error: object): void {
  const seen = evaluate(PROGRAM, circumstances) as Seen;
  expect(seen).toMatchObject({ available: false, name: 'epoll', back: 'there and back' });
  expect(seen.opened).toMatchObject(error);
}

describe.each([
  ['EPERM', EPERM, 'UnsupportedError', /seccomp/],
  ['ENOSYS', ENOSYS, 'UnsupportedError', /io_uring/],
  ['ENOMEM', ENOMEM, 'SystemError', /io_uring/],
  ['EMFILE', EMFILE, 'SystemError', /io_uring/],
] as const)('refused with %s', (code, errno, name, message) => {
  const error = { name, code, message: expect.stringMatching(message) };

  test('all three calls', () => {
    needs('io_uring');
    expectFallback({ refuse: { calls: IO_URING_CALLS, errno } }, error);
  });

  test('the first alone', () => {
    needs('io_uring');
    expectFallback({ refuse: { calls: [425], errno } }, error);
  });
});

test.for([
  ['io_uring_enter', 426],
  ['io_uring_register', 427],
] as const)('%s alone is named', ([call, number], { skip }) => {
  needs('io_uring');
  skip(call === 'io_uring_enter' && OWN_RINGS, 'a Node without rings of its own');
  const refuse = { calls: [number], errno: EPERM };
  expectFallback({ refuse }, { message: expect.stringContaining(call) });
});

test('switched off, it says by whom', () => {
  expectFallback(
    { env: { NEARMETAL_DISABLE: 'io_uring' } },
    { name: 'UnsupportedError', message: expect.stringContaining('NEARMETAL_DISABLE') },
  );
});

test('as nobody, and without locked memory, bytes arrive all the same', () => {
  needs('root', 'program:setpriv', 'program:prlimit');
  const seen = evaluate(PROGRAM, { memlock: 0, nobody: true }) as Seen;
  expect(seen).toMatchObject({ back: 'there and back' });
  // Kernels that charge rings to the limit refuse them, and say which limit it was.
  if (!seen.available) expect(seen.opened).toMatchObject({ code: 'ENOMEM', name: 'SystemError' });
});
