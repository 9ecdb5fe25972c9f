/** Prints what this kernel offers and what the library makes of it, found by doing it. */
import { connect } from 'node:net';
import { features } from 'nearmetal/features';
import { openBackend } from 'nearmetal/loop';
import { addressOf, listen } from 'nearmetal/net';
import { op, Ring } from 'nearmetal/ring';

/** `v20.20.2` of Node; others say their name. */
function runtime() {
  const { bun, deno } = process.versions;
  if (bun !== undefined) return `Bun ${bun}`;
  return deno === undefined ? process.version : `Deno ${deno}`;
}

const supported = (kind) =>
  Object.keys(features[kind]).filter((name) => features[kind][name].supported);

/** How it went when the first results of a multishot operation had come. */
async function form(ring, operation, act, count = 2) {
  const stream = ring.stream(operation);
  const results = Array.from({ length: count }, () => stream.next());
  try {
    await act();
    for (const { value } of await Promise.all(results)) value?.close?.() ?? value?.release?.();
  } catch (error) {
    return error.code;
  }
  const lowered = operation.lower === undefined;
  await stream.return();
  return lowered ? 'one by one' : 'multishot';
}

/** Runs `body` with both ends of a connection. */
async function connected(ring, body) {
  const listener = listen();
  const client = connect(addressOf(listener).port, '127.0.0.1').on('error', () => undefined);
  const server = await ring.accept(listener);
  try {
    return await body(server, client);
  } finally {
    client.destroy();
    server.close();
    listener.close();
  }
}

/** By turns, so that the second result needs the operation to be in flight still. */
async function twice(act) {
  for (let turn = 0; turn < 2; turn++) {
    act();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const lowerings = {
  accept: async (ring) => {
    const listener = listen();
    const { port } = addressOf(listener);
    const come = () =>
      connect(port, '127.0.0.1', function () {
        this.destroy();
      }).on('error', () => undefined);
    return form(ring, op.acceptMultishot(listener), () => twice(come)).finally(() =>
      listener.close(),
    );
  },
  poll: (ring) =>
    connected(ring, (server, client) =>
      form(ring, op.pollMultishot(server, ['in']), () => twice(() => client.write('x'))),
    ),
  timeout: (ring) => form(ring, op.timeoutMultishot(5), () => undefined),
  receive: (ring) =>
    connected(ring, (server, client) => {
      const buffers = ring.provideBuffers({ count: 8, size: 64 });
      const operation = op.recvMultishot(server, { buffers });
      return form(ring, operation, () => twice(() => client.write('x')));
    }),
  read: (ring) =>
    connected(ring, (server, client) => {
      const buffers = ring.provideBuffers({ count: 8, size: 64 });
      const operation = op.readMultishot(server, { buffers });
      return form(ring, operation, () => twice(() => client.write('x')));
    }),
};

async function found() {
  const backend = openBackend();
  const facts = {
    kernel: features.kernel,
    // How this kernel was started, when it is not the machine's own.
    started: process.env.GUEST_KIND,
    node: runtime(),
    ioUring: features.ioUring.available,
    backend: backend.name,
    why: backend.why,
  };
  await backend.close();
  for (const kind of ['op', 'setup', 'register', 'ring', 'syscall']) facts[kind] = supported(kind);
  // Where a limit leaves no ring, there is nothing to try.
  if (!facts.ioUring || facts.why.includes('RLIMIT_MEMLOCK')) return facts;
  const ring = Ring.open({ entries: 64 });
  const bits = Object.keys(features.setup);
  facts.ringFlags = bits.filter((_, bit) => (ring.setupFlags & (1 << bit)) !== 0);
  facts.lowering = {};
  for (const [name, look] of Object.entries(lowerings)) {
    facts.lowering[name] = await look(ring).catch((error) => error.feature ?? error.code);
  }
  const sender = features.op.SEND_ZC.supported;
  facts.lowering['send without a copy'] = sender ? 'zero-copy' : 'copied';
  await ring.close();
  return facts;
}

process.stdout.write(`FACTS ${JSON.stringify(await found())}\n`);
