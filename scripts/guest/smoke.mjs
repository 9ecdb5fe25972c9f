/**
 * The package as it is shipped, on a machine that has only that: a prebuilt addon, Node, and none
 * of our tests. Prints how each thing went, as run-files.mjs does.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';

const FILE = 'scripts/guest/smoke.mjs';
const HUGE = 2 * 2 ** 20;
const tests = [];

async function attempt(name, body) {
  const started = Date.now();
  try {
    await body();
    tests.push({ name, state: 'passed', ms: Date.now() - started });
  } catch (error) {
    tests.push({ name, state: 'failed', error: `${error?.stack ?? error}`.slice(0, 1500) });
  }
}

const { Ring } = await import('nearmetal/ring');
const { Mapping, residency } = await import('nearmetal/memory');
const { Epoll } = await import('nearmetal/epoll');
const { EventFd } = await import('nearmetal/fd');
const { addressOf, listen, serve } = await import('nearmetal/net');
const cpu = await import('nearmetal/cpu');

await attempt('the addon is the prebuilt one, and abi.js has its numbers', async () => {
  assert.ok(!existsSync('build/Release'));
  const { constants } = createRequire(import.meta.url)('node-gyp-build')(process.cwd());
  const abi = Object.entries(await import('../../lib/abi.js'));
  const stated = Object.fromEntries(abi.filter(([, value]) => typeof value === 'number'));
  assert.deepEqual(stated, { ...constants });
});

await attempt('nop, write, read, send and receive by io_uring', async () => {
  const ring = Ring.open();
  await ring.nop();

  const file = await ring.openat('.', { tmpfile: true, access: 'readwrite' });
  const written = Buffer.from('written by io_uring');
  assert.equal(await ring.write(file, written, { offset: 0 }), written.length);
  const read = Buffer.alloc(written.length);
  assert.equal(await ring.read(file, read, { offset: 0 }), written.length);
  assert.deepEqual(read, written);
  file.close();
  // Bits that differ between the processors.
  const code = (path, options) => ring.openat(path, options).catch((error) => error.code);
  assert.equal(await code('package.json', { directory: true }), 'ENOTDIR');
  assert.equal(await code('/proc/self/exe', { noFollow: true }), 'ELOOP');
  const direct = await ring.openat('package.json', { direct: true });
  const page = Mapping.anonymous({ size: 4096 });
  assert.ok((await ring.read(direct, page.bytes, { offset: 0 })) > 0);
  direct.close();
  page.dispose();

  const listener = listen();
  const client = connect(addressOf(listener).port, '127.0.0.1');
  const server = await ring.accept(listener);
  client.write('ping');
  const bytes = Buffer.alloc(16);
  assert.equal(await ring.recv(server, bytes), 4);
  assert.equal(await ring.send(server, bytes.subarray(0, 4)), 4);
  const [answer] = await once(client, 'data');
  assert.equal(String(answer), 'ping');
  client.destroy();
  server.close();
  listener.close();
  await ring.close();
});

/** Sends `text` to an echo server and answers what came back. */
function echoed(port, text) {
  const { promise, resolve, reject } = Promise.withResolvers?.() ?? deferred();
  let said = '';
  connect(port, '127.0.0.1')
    .on('data', (chunk) => {
      said += chunk;
    })
    .on('error', reject)
    .on('close', () => resolve(said))
    .end(text);
  return promise;
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

for (const backend of ['io_uring', 'epoll']) {
  await attempt(`an echo server over ${backend}`, async () => {
    const serving = serve({ backend, data: (connection, received) => connection.write(received) });
    const text = 'x'.repeat(300_000);
    assert.equal(await echoed(serving.port, text), text);
    await serving.stop();
  });
}

await attempt('events of epoll have their tags', () => {
  const counter = EventFd.open();
  const epoll = Epoll.open();
  epoll.add(counter, ['in'], { tag: 41 });
  counter.write(3);
  const [event] = epoll.wait();
  assert.deepEqual([event.tag, event.in], [41, true]);
  epoll.close();
  counter.close();
});

await attempt('pages are as large as the kernel has them', () => {
  const [, kibibytes] = /^KernelPageSize: +(\d+) kB/m.exec(
    readFileSync('/proc/self/smaps', 'utf8'),
  );
  const page = kibibytes * 1024;
  const mapping = Mapping.anonymous({ size: 8 * page, populate: true });
  assert.equal(mapping.pageSize, page);
  assert.deepEqual([...mapping.mincore()], Array(8).fill(1));
  mapping.advise('dontneed', { offset: page, length: page });
  assert.equal(residency(mapping).resident, 7 * page);
  mapping.dispose();
});

await attempt('ordinary pages and hugepages', () => {
  for (const options of [{ size: 3 }, { size: HUGE, hugePage: '2MiB', orElse: 'ordinary' }]) {
    const mapping = Mapping.anonymous(options);
    mapping.bytes.fill(7);
    assert.equal(mapping.bytes.at(-1), 7);
    mapping.dispose();
  }
});

await attempt('affinity, and a counter that runs as it says', () => {
  const before = cpu.getAffinity();
  for (const one of before.toArray()) {
    cpu.setAffinity(one);
    assert.equal(cpu.getcpu().cpu, one);
  }
  cpu.setAffinity(before);
  const { hertz, reason } = cpu.tickCounter();
  assert.ok(hertz > 1e6, reason);
});

for (const words of [['doctor'], ['topology']]) {
  await attempt(`nearmetal ${words.join(' ')}`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', ...words], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    assert.ok(stdout.length > 200, stdout);
    process.stdout.write(stdout.replace(/^/gm, 'SAID '));
  });
}

const { stdout } = spawnSync(process.execPath, ['dist/cli.js', 'doctor', '--json']);
process.stdout.write(`\nDOCTOR ${JSON.stringify(JSON.parse(stdout).ioUring)}\n`);
process.stdout.write(`RESULT ${JSON.stringify({ file: FILE, tests, errors: [] })}\n`);
process.exit(0);
