/** The command line, checked before anything is opened. */
import { parseArgs } from 'node:util';
import { type Login, type Target, targetOf, type UpstreamSettings } from './near/target.js';
import type { Settings } from './server/server.js';
import { POLICIES, type Policy } from './store/access.js';

export const USAGE = `usage: npm run example -- cache [--host ADDRESS] [--port PORT]
  [--workers COUNT] [--memory SIZE] [--policy POLICY] [--no-hugepages]
  [--max-request SIZE] [--max-output SIZE] [--max-clients COUNT]
  [--request-timeout-ms MILLISECONDS] [--idle-ms MILLISECONDS]
  [--upstream HOST:PORT[,HOST:PORT]] [--upstream-user NAME] [--upstream-timeout-ms MILLISECONDS]`;

export interface Options {
  readonly settings: Settings;
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  /** The servers that this one is a cache of. */
  readonly upstream: UpstreamSettings | undefined;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };
const MEMORY_MIN = 8 * 2 ** 20;
/** As much as one typed array shows. */
const MEMORY_MAX = 2 ** 32 - 2 ** 21;

function whole(name: string, value: string, min: number, max: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  throw new Error(`--${name} must be a whole number from ${min} to ${max}, not '${value}'`);
}

function bytes(name: string, value: string, min: number, max: number): number {
  const [, digits, unit] = /^(\d+)(kb|mb|gb)?$/i.exec(value) ?? [];
  const number = Number(digits) * (UNITS[(unit ?? '').toLowerCase()] as number);
  if (number >= min && number <= max) return number;
  throw new Error(
    `--${name} must be a size from ${min / 2 ** 20}mb to ${max / 2 ** 20}mb, not '${value}'`,
  );
}

function policyOf(value: string): Policy {
  if (POLICIES.includes(value as Policy)) return value as Policy;
  throw new Error(`--policy must be one of ${POLICIES.join(', ')}, not '${value}'`);
}

function targetsOf(value: string): Target[] {
  return value.split(',').map((text) => {
    const target = targetOf(text);
    if (target !== undefined) return target;
    throw new Error(`--upstream must be HOST:PORT, or several between commas, not '${value}'`);
  });
}

/** The password is not among the options, which everybody on the machine can see. */
function loginOf(user: string | undefined): Login | undefined {
  const password = process.env.UPSTREAM_PASSWORD;
  if (password !== undefined) return { user, password };
  if (user === undefined) return undefined;
  throw new Error('--upstream-user needs the password, in UPSTREAM_PASSWORD of the environment');
}

export function optionsOf(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '6379' },
      workers: { type: 'string', default: '1' },
      memory: { type: 'string', default: '256mb' },
      policy: { type: 'string', default: 'allkeys-lru' },
      'no-hugepages': { type: 'boolean', default: false },
      'max-request': { type: 'string', default: '64mb' },
      'max-output': { type: 'string', default: '32mb' },
      'request-timeout-ms': { type: 'string', default: '10000' },
      'idle-ms': { type: 'string', default: '0' },
      'max-clients': { type: 'string', default: '10000' },
      upstream: { type: 'string' },
      'upstream-user': { type: 'string' },
      'upstream-timeout-ms': { type: 'string', default: '10000' },
    },
  });
  const workers = whole('workers', values.workers, 1, 1024);
  const memory = bytes('memory', values.memory, MEMORY_MIN * workers, MEMORY_MAX * workers);
  const policy = policyOf(values.policy);
  if (values.upstream !== undefined && !policy.startsWith('allkeys-')) {
    throw new Error(`--policy must be one of allkeys-... with --upstream, not '${policy}'`);
  }
  const requestBytes = bytes('max-request', values['max-request'], 2 ** 20, 2 ** 29);
  const timeoutMs = whole('upstream-timeout-ms', values['upstream-timeout-ms'], 100, 86_400_000);
  return {
    host: values.host,
    port: whole('port', values.port, 0, 65536 - workers),
    workers,
    upstream:
      values.upstream === undefined
        ? undefined
        : {
            seeds: targetsOf(values.upstream),
            login: loginOf(values['upstream-user']),
            timeoutMs,
            answerBytes: requestBytes,
          },
    settings: {
      maxBytes: Math.floor(memory / workers),
      policy,
      hugepages: !values['no-hugepages'],
      requestBytes,
      outputBytes: bytes('max-output', values['max-output'], 2 ** 20, 2 ** 30),
      requestTimeoutMs: whole('request-timeout-ms', values['request-timeout-ms'], 1, 86_400_000),
      idleMs: whole('idle-ms', values['idle-ms'], 0, 86_400_000),
      maxClients: whole('max-clients', values['max-clients'], 1, 1_000_000),
    },
  };
}
