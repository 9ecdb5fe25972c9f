/** The command line, checked before anything is opened. */
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { parseArgs } from 'node:util';

export const USAGE = `usage: npm run example -- files --root FOLDER [--host ADDRESS] [--port PORT]
  [--workers COUNT] [--list] [--log FILE] [--cache-ms MILLISECONDS] [--cache-control VALUE]
  [--max-connections COUNT] [--idle-ms MILLISECONDS] [--cert FILE --key FILE]`;

/** What each worker gets. */
export interface Site {
  readonly root: string;
  /** Shows what is in folders that have no index.html. */
  readonly list: boolean;
  readonly log: string | undefined;
  /** How long a small file is sent from memory before it is looked at again; 0: never. */
  readonly cacheMs: number;
  readonly cacheControl: string | undefined;
  /** Of each worker. */
  readonly maxConnections: number;
  /** For the next request, for the whole of one, and for a peer to take of what it is sent. */
  readonly idleMs: number;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
}

export interface Options {
  readonly site: Site;
  readonly workers: number | undefined;
  readonly host: string;
  readonly port: number;
}

function whole(name: string, value: string, min: number, max: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  throw new Error(`--${name} must be a whole number from ${min} to ${max}, not '${value}'`);
}

function folderOf(path: string | undefined): string {
  if (path === undefined) throw new Error('--root is missing: the folder to serve');
  if (!statSync(path).isDirectory()) throw new Error(`--root must be a folder: ${path}`);
  accessSync(path, constants.R_OK | constants.X_OK);
  return realpathSync(path);
}

function tlsOf(cert: string | undefined, key: string | undefined): Site['tls'] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new Error('--cert and --key go together');
  const tls = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new Error(`--cert and --key are no pair that TLS can use: ${(error as Error).message}`);
  }
  return tls;
}

export function optionsOf(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      root: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '8080' },
      workers: { type: 'string' },
      list: { type: 'boolean', default: false },
      log: { type: 'string' },
      'cache-ms': { type: 'string', default: '1000' },
      'cache-control': { type: 'string' },
      'max-connections': { type: 'string', default: '10000' },
      'idle-ms': { type: 'string', default: '10000' },
      cert: { type: 'string' },
      key: { type: 'string' },
    },
  });
  const cacheControl = values['cache-control'];
  if (cacheControl !== undefined && !/^[\x20-\x7e]+$/.test(cacheControl)) {
    throw new Error('--cache-control must be printable ASCII');
  }
  return {
    host: values.host,
    port: whole('port', values.port, 0, 65535),
    workers: values.workers === undefined ? undefined : whole('workers', values.workers, 1, 1024),
    site: {
      root: folderOf(values.root),
      list: values.list,
      log: values.log,
      cacheMs: whole('cache-ms', values['cache-ms'], 0, 86_400_000),
      cacheControl,
      maxConnections: whole('max-connections', values['max-connections'], 1, 1_000_000),
      idleMs: whole('idle-ms', values['idle-ms'], 1, 86_400_000),
      tls: tlsOf(values.cert, values.key),
    },
  };
}
