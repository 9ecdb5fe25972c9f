/** The configuration file: what is balanced, and how; checked before anything is opened. */
import { readFileSync } from 'node:fs';
import type { InternetAddress } from 'nearmetal/net';
import { addressIn, shown } from './address.js';
import { ConfigError, flag, listOf, objectOf, oneOf, whole, wrong } from './keys.js';

export const POLICIES = ['round-robin', 'least-connections', 'maglev'] as const;
export type PolicyName = (typeof POLICIES)[number];

export interface BackendConfig {
  readonly address: InternetAddress;
  /** Its share beside the others'; 0: only what it has already. */
  readonly weight: number;
  readonly maxConnections: number;
}

export interface HealthConfig {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Checks in a row that make it up, or down. */
  readonly rise: number;
  readonly fall: number;
  /** Of the check. Default: the backend's own. */
  readonly port: number | undefined;
}

export interface ServiceConfig {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly listen: InternetAddress;
  readonly policy: PolicyName;
  readonly backends: readonly BackendConfig[];
  readonly health: HealthConfig | undefined;
  readonly slowStartMs: number;
  readonly sendProxy: 'v1' | 'v2' | undefined;
  readonly acceptProxy: boolean;
  /** Of all workers together; of UDP, sessions. */
  readonly maxConnections: number;
  readonly maxPerClient: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** For a PROXY header to be there. */
  readonly headerTimeoutMs: number;
  /** For connections to a backend that is not in the configuration any more, or at the end. */
  readonly drainTimeoutMs: number;
  /** Other backends that are tried when one cannot be connected to. */
  readonly retries: number;
}

export interface Config {
  readonly workers: number | undefined;
  readonly metrics: InternetAddress | undefined;
  readonly services: readonly ServiceConfig[];
}

/** Services and backends together; a place in the shared table for each. */
export const PLACES = 1024;
export const NO_LIMIT = 1e9;
const DAY_MS = 86_400_000;
const SERVICE_KEYS = [
  ...['name', 'protocol', 'listen', 'policy', 'backends', 'health', 'slowStartMs', 'sendProxy'],
  ...['acceptProxy', 'maxConnections', 'maxPerClient', 'connectTimeoutMs', 'idleTimeoutMs'],
  ...['headerTimeoutMs', 'drainTimeoutMs', 'retries'],
];

export function addressAt(key: string, value: unknown, leastPort: number): InternetAddress {
  const address = typeof value === 'string' ? addressIn(value) : undefined;
  if (address !== undefined && address.port >= leastPort) return address;
  throw wrong(key, "a numeric address and a port, as '127.0.0.1:80' or '[::1]:80'", value);
}

function backendOf(key: string, value: unknown): BackendConfig {
  const given = objectOf(key, value, ['address', 'weight', 'maxConnections']);
  return {
    address: addressAt(`${key}.address`, given['address'], 1),
    weight: whole(`${key}.weight`, given['weight'], 0, 1000, 1),
    maxConnections: whole(`${key}.maxConnections`, given['maxConnections'], 1, NO_LIMIT, NO_LIMIT),
  };
}

function healthOf(key: string, value: unknown): HealthConfig | undefined {
  if (value === undefined || value === false) return undefined;
  const known = ['intervalMs', 'timeoutMs', 'rise', 'fall', 'port'];
  const given = objectOf(key, value === true ? {} : value, known);
  const { port } = given;
  return {
    intervalMs: whole(`${key}.intervalMs`, given['intervalMs'], 10, DAY_MS, 2000),
    timeoutMs: whole(`${key}.timeoutMs`, given['timeoutMs'], 10, DAY_MS, 1000),
    rise: whole(`${key}.rise`, given['rise'], 1, 1000, 2),
    fall: whole(`${key}.fall`, given['fall'], 1, 1000, 3),
    port: port === undefined ? undefined : whole(`${key}.port`, port, 1, 65_535),
  };
}

function proxyOf(key: string, value: unknown): 'v1' | 'v2' | undefined {
  return value === undefined || value === false
    ? undefined
    : oneOf(key, value, ['v1', 'v2'] as const);
}

function unique(key: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigError(`${key}: '${twice}' is there twice`);
}

function serviceOf(key: string, value: unknown): ServiceConfig {
  const given = objectOf(key, value, SERVICE_KEYS);
  const number = (name: string, least: number, most: number, fallback: number): number =>
    whole(`${key}.${name}`, given[name], least, most, fallback);
  const { name } = given;
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    throw wrong(`${key}.name`, 'a word of at most 64 letters, digits, _, . and -', name);
  }
  const protocol = oneOf(`${key}.protocol`, given['protocol'], ['tcp', 'udp'], 'tcp');
  const udp = protocol === 'udp';
  const backends = listOf(`${key}.backends`, given['backends']).map((backend, index) =>
    backendOf(`${key}.backends[${index}]`, backend),
  );
  unique(
    `${key}.backends`,
    backends.map(({ address }) => shown(address)),
  );
  const sendProxy = proxyOf(`${key}.sendProxy`, given['sendProxy']);
  const acceptProxy = flag(`${key}.acceptProxy`, given['acceptProxy']);
  if (udp && sendProxy !== undefined)
    throw wrong(`${key}.sendProxy`, 'left out with udp', sendProxy);
  if (udp && acceptProxy) throw wrong(`${key}.acceptProxy`, 'left out with udp', acceptProxy);
  return {
    name,
    protocol,
    // Where several workers receive datagrams, they have to agree on a port.
    listen: addressAt(`${key}.listen`, given['listen'], udp ? 1 : 0),
    policy: oneOf(`${key}.policy`, given['policy'], POLICIES, 'round-robin'),
    backends,
    health: healthOf(`${key}.health`, given['health']),
    slowStartMs: number('slowStartMs', 0, DAY_MS, 0),
    sendProxy,
    acceptProxy,
    maxConnections: number('maxConnections', 1, NO_LIMIT, 100_000),
    maxPerClient: number('maxPerClient', 1, NO_LIMIT, NO_LIMIT),
    connectTimeoutMs: number('connectTimeoutMs', 1, DAY_MS, 3000),
    idleTimeoutMs: number('idleTimeoutMs', 1, DAY_MS, udp ? 30_000 : 300_000),
    headerTimeoutMs: number('headerTimeoutMs', 1, DAY_MS, 3000),
    drainTimeoutMs: number('drainTimeoutMs', 0, DAY_MS, 30_000),
    retries: number('retries', 0, 100, 2),
  };
}

export function configOf(value: unknown): Config {
  const given = objectOf('config', value, ['workers', 'metrics', 'services']);
  const { workers, metrics } = given;
  const services = listOf('config.services', given['services']).map((service, index) =>
    serviceOf(`services[${index}]`, service),
  );
  unique(
    'services',
    services.map(({ name }) => name),
  );
  const places = services.reduce((sum, { backends }) => sum + 1 + backends.length, 0);
  // Half of them, since those of a configuration that is leaving are kept until it has left.
  if (places > PLACES / 2) {
    throw wrong('config.services', `${PLACES / 2} services and backends at most`, places);
  }
  return {
    workers: workers === undefined ? undefined : whole('config.workers', workers, 1, 1024),
    metrics: metrics === undefined ? undefined : addressAt('config.metrics', metrics, 0),
    services,
  };
}

export function readConfig(path: string): Config {
  const text = readFileSync(path, 'utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`${path} is no JSON: ${(error as Error).message}`);
  }
  return configOf(value);
}
