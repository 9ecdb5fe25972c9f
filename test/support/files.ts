/** The static file server among the examples, a folder for it, and what asks it. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { onTestFinished } from 'vitest';
import { folder, pattern, until } from './ring.js';

const program = fileURLToPath(new URL('../../.dev/examples/files/main.js', import.meta.url));
export const BIG = pattern(3_000_000);

export function site(): string {
  const root = join(folder(), 'root');
  mkdirSync(join(root, 'sub'), { recursive: true });
  mkdirSync(join(root, 'with-index'));
  writeFileSync(join(root, 'with-index', 'index.html'), '<p>index');
  writeFileSync(join(root, 'big.bin'), BIG);
  writeFileSync(join(root, 'page.css'), 'p { color: red }'.repeat(10));
  writeFileSync(join(root, 'page.css.gz'), gzipSync('p { color: red }'.repeat(10)));
  writeFileSync(join(root, 'sub', 'a <b>.txt'), 'odd name');
  writeFileSync(join(root, '.hidden'), 'hidden');
  writeFileSync(join(root, '..', 'secret'), 'secret');
  symlinkSync('../secret', join(root, 'escape'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  return root;
}

export async function start(...words: string[]) {
  const child = spawn(process.execPath, [program, '--port', '0', '--workers', '1', ...words]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part) => {
    stdout += part;
  });
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  const ended = once(child, 'close').then(([code]) => ({ code, stdout, stderr }));
  await Promise.race([until(() => stdout.includes('\n')), ended]);
  const port = Number(/:(\d+)\/\n/.exec(stdout)?.[1]);
  return { child, ended, port };
}

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export function ask(port: number, path: string, options: RequestOptions = {}): Promise<Answer> {
  const make = options.protocol === 'https:' ? tlsRequest : request;
  return new Promise((resolve, reject) => {
    make({ port, path, ...options }, async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      const { statusCode: status, headers } = response;
      resolve({ status, headers, body: Buffer.concat(parts) });
    })
      .on('error', reject)
      .end();
  });
}

/** What comes back for these bytes, until the server ends the connection. */
export function raw(port: number, bytes: Uint8Array | string): Promise<string> {
  return new Promise((resolve) => {
    let back = '';
    const socket = connect(port, '127.0.0.1').setEncoding('latin1');
    socket.on('data', (part) => {
      back += part;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(back));
    socket.write(bytes);
  });
}
