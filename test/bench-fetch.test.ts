/** The client that gets files takes none that is not the file. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { fetchTurn } from '../bench/_lib/fetch.js';
import type { Child } from '../bench/_lib/process.js';
import { hasCompiler, reference } from '../bench/_lib/reference.js';
import { startServer, withServers } from '../bench/_lib/servers.js';

const folder = mkdtempSync(join(tmpdir(), 'nearmetal-fetch-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'file');
const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));
writeFileSync(path, bytes);

/** One turn against a server in this process that answers with `body`. */
async function turn(body: Buffer): Promise<Record<string, number>> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': body.length }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const child = { pid: process.pid } as Child;
  try {
    const { figures } = await fetchTurn({ subject: '', child, port }, path, 3, 0.1, undefined);
    return figures;
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

describe.skipIf(!hasCompiler())('the client that gets files', () => {
  it('counts what it gets', async () => {
    const { rate, throughput, server } = await turn(bytes);
    expect(rate).toBeGreaterThan(0);
    expect(throughput).toBeGreaterThan(0);
    expect(server).toBeGreaterThan(0);
  });

  it('notices a wrong byte', async () => {
    const wrong = Buffer.from(bytes);
    wrong[77_777] = 255;
    await expect(turn(wrong)).rejects.toThrow('a wrong byte came');
  });

  it('notices another length', async () => {
    await expect(turn(bytes.subarray(1))).rejects.toThrow("the length is not the file's");
  });
});

describe.skipIf(!hasCompiler())('the servers in C that it gets them from', () => {
  const request = 'GET / HTTP/1.1\r\n\r\n';
  async function dial(port: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    await once(socket, 'connect');
    return socket;
  }

  it('go on when a client asks and is gone before it is heard', async () => {
    const server = await startServer('sendfile', [reference('sendfile'), path], undefined);
    const proxy = await startServer('proxy', [reference('proxy'), `${server.port}`], undefined);
    try {
      const leaving = await dial(server.port);
      server.child.kill('SIGSTOP');
      leaving.write(request);
      leaving.resetAndDestroy();
      await once(leaving, 'close');
      server.child.kill('SIGCONT');
      const { figures } = await fetchTurn(proxy, path, 2, 0.1, undefined);
      expect(figures['rate']).toBeGreaterThan(0);
      // The proxy goes on also when nobody is behind it.
      await server.child.stop();
      for (let count = 0; count < 2; count++) {
        const socket = await dial(proxy.port);
        await once(socket.resume(), 'close');
      }
      expect(proxy.child.runs).toBe(true);
      const failed = async () => {
        throw new Error('a client');
      };
      await expect(withServers([proxy], failed)).rejects.toThrow('a client');
      await expect(withServers([proxy, server], failed)).rejects.toThrow('sendfile ended');
    } finally {
      await proxy.child.stop();
      await server.child.stop();
    }
  });
});
