/** Up to a gibibyte in one write, by each face of a connection: every byte arrives in its place. */
import { once } from 'node:events';
import { Mapping } from 'nearmetal/memory';
import { type AddressInfo, Connection, connect, createServer, serve } from 'nearmetal/net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onEachBackend } from '../support/backends.js';
import { pairOf } from '../support/connections.js';

/** Of a machine or a sanitizer that is slow, less. */
const SLOW = process.env.NEARMETAL_SLOW || process.env.NEARMETAL_SANITIZED;
const SIZE = SLOW ? 2 ** 26 : 2 ** 30;
/** What waits is copied where users may change their bytes at once: all of it, where asked for. */
const COPIED = process.env.NEARMETAL_LARGE ? SIZE : 2 ** 26;

let memory: Mapping;
let source: Buffer;
beforeAll(() => {
  memory = Mapping.anonymous({ size: SIZE, hugePage: 'transparent', orElse: 'ordinary' });
  source = Buffer.from(memory.bytes.buffer, 0, SIZE);
  // Each word says where it stands.
  const words = new Uint32Array(source.buffer, 0, SIZE / 4);
  for (let index = 0; index < words.length; index++) words[index] = index;
});
afterAll(() => memory.dispose());

/** Takes what comes, each part against its place in the source. */
class Reader {
  length = 0;
  wrongAt = -1;

  take(part: Uint8Array, length = part.length): void {
    const from = this.length;
    this.length += length;
    if (this.wrongAt < 0 && source.compare(part, 0, length, from, this.length) !== 0) {
      this.wrongAt = from;
    }
  }

  get found(): object {
    return { length: this.length, wrongAt: this.wrongAt };
  }
}

const right = (length: number): object => ({ length, wrongAt: -1 });

onEachBackend((backend) => {
  test('a connection with promises', async () => {
    const { near, far } = await pairOf(backend);
    const reader = new Reader();
    const reading = (async () => {
      const target = new Uint8Array(65_536);
      for (;;) {
        const part = await far.read(target);
        if (part === undefined) break;
        reader.take(part);
      }
    })();
    await near.write(source.subarray(0, COPIED));
    expect([near.pending, near.bytesSent]).toEqual([0, COPIED]);
    await near.end();
    await reading;
    expect(reader.found).toEqual(right(COPIED));
  });

  test('handlers: one answers with it, the others take it', async () => {
    const serving = serve({
      backend,
      data: () => undefined,
      open: (connection) => {
        expect(connection.write(source.subarray(0, COPIED))).toBe(false);
        connection.end();
      },
    });
    const far = await Connection.open({ port: serving.port as number, host: '127.0.0.1', backend });
    const reader = new Reader();
    for await (const part of far) reader.take(part);
    far.close();
    await serving.stop();
    expect(reader.found).toEqual(right(COPIED));
  });

  test('the face of node:net', async () => {
    const reader = new Reader();
    const server = createServer({ backend }, (socket) => {
      socket.on('data', (part: Buffer) => reader.take(part));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', backend });
    let written = false;
    socket.end(source, () => {
      written = true;
    });
    await once(socket, 'close');
    server.close();
    await once(server, 'close');
    expect(reader.found).toEqual(right(SIZE));
    expect(written).toBe(true);
  });
});
