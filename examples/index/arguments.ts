/** The command line, checked before anything is opened. */
import { parseArgs } from 'node:util';
import type { SyncPolicy } from 'nearmetal/log';
import { type IndexOptions, planOf } from './options.js';
import type { Listening } from './server/server.js';

export const USAGE = `usage: npm run example -- index serve|load --directory DIRECTORY
  [--memory SIZE] [--page-size 2MiB|4KiB] [--sync each|none|MILLISECONDS] [--checkpoint SIZE]
  [--host ADDRESS] [--port PORT] [--idle-ms MILLISECONDS] [--line-ms MILLISECONDS]
  [--max-clients COUNT]
usage: npm run example -- index bench [--keys COUNT] [--turn-ms MILLISECONDS] [--no-hugepages]`;

export interface Arguments {
  readonly command: 'serve' | 'load';
  readonly index: IndexOptions;
  readonly listening: Listening;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };

function whole(name: string, value: string, min: number, max: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  throw new Error(`--${name} must be a whole number from ${min} to ${max}, not '${value}'`);
}

function size(name: string, value: string): number {
  const [, digits, unit = ''] = /^(\d{1,12})(kb|mb|gb)?$/i.exec(value) ?? [];
  if (digits !== undefined) return Number(digits) * (UNITS[unit.toLowerCase()] as number);
  throw new Error(`--${name} must be a size such as 256mb, not '${value}'`);
}

function syncOf(value: string): SyncPolicy {
  if (value === 'each' || value === 'none') return value;
  if (/^\d{1,9}$/.test(value) && Number(value) > 0) return { everyMs: Number(value) };
  throw new Error(`--sync must be each, none or a number of milliseconds, not '${value}'`);
}

export function argumentsOf(words: readonly string[]): Arguments {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      directory: { type: 'string' },
      memory: { type: 'string', default: '256mb' },
      'page-size': { type: 'string', default: '2MiB' },
      sync: { type: 'string', default: 'each' },
      checkpoint: { type: 'string', default: '256mb' },
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '7400' },
      'idle-ms': { type: 'string', default: '0' },
      'line-ms': { type: 'string', default: '10000' },
      'max-clients': { type: 'string', default: '10000' },
    },
  });
  const [command, ...rest] = positionals;
  if ((command !== 'serve' && command !== 'load') || rest.length > 0) {
    throw new Error(`what to do must be serve, load or bench, not '${positionals.join(' ')}'`);
  }
  if (values.directory === undefined) throw new Error('--directory must be given');
  const index = {
    directory: values.directory,
    memory: size('memory', values.memory),
    pageSize: values['page-size'] as '2MiB',
    sync: syncOf(values.sync),
    checkpointBytes: size('checkpoint', values.checkpoint),
  };
  planOf(index);
  return {
    command,
    index,
    listening: {
      host: values.host,
      port: whole('port', values.port, 0, 65_535),
      lineMs: whole('line-ms', values['line-ms'], 1, 86_400_000),
      idleTimeoutMs: whole('idle-ms', values['idle-ms'], 0, 86_400_000),
      maxConnections: whole('max-clients', values['max-clients'], 1, 1_000_000),
    },
  };
}
