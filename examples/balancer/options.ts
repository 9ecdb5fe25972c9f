/** The command line, and the file that it names. */
import { parseArgs } from 'node:util';
import { addressAt, type Config, readConfig } from './config.js';
import { ConfigError, whole } from './keys.js';

export const USAGE = `usage: npm run example -- balancer --config FILE [--check] [--view]
  [--workers COUNT] [--metrics ADDRESS:PORT]`;

export interface Options {
  readonly path: string;
  readonly check: boolean;
  readonly view: boolean;
  /** Reads the file, anew each time; the command line goes before what it says. */
  read(): Config;
}

export function optionsOf(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      config: { type: 'string' },
      check: { type: 'boolean', default: false },
      view: { type: 'boolean', default: false },
      workers: { type: 'string' },
      metrics: { type: 'string' },
    },
  });
  const { config: path, check, view } = values;
  if (path === undefined) throw new ConfigError('--config is missing: the file to read');
  const workers =
    values.workers === undefined ? undefined : whole('--workers', Number(values.workers), 1, 1024);
  const metrics =
    values.metrics === undefined ? undefined : addressAt('--metrics', values.metrics, 0);
  const read = (): Config => {
    const config = readConfig(path);
    return {
      ...config,
      workers: workers ?? config.workers,
      metrics: metrics ?? config.metrics,
    };
  };
  return { path, check, view, read };
}
