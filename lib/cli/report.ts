/** Gathers what the doctor reports, as plain data; whatever cannot be read is left out. */
import { arch, cpus } from 'node:os';
import { readTopology } from '../cpu/topology.js';
import type { Feature, RingAvailability } from '../features.js';
import { kernel } from '../kernel.js';
import type { BackendName } from '../loop/backend.js';
import {
  type Cgroup,
  type NumaNode,
  readCgroup,
  readNumaNodes,
  readTransparentHugepages,
  type TransparentHugepages,
} from '../proc/machine.js';
import {
  CAPABILITIES,
  type HugepagePool,
  hasCapability,
  type Reader,
  readConfinement,
  readHugepagePools,
  readLimit,
  readLine,
  sysctl,
} from '../proc/read.js';

export interface NamedFeature extends Feature {
  readonly name: string;
}

/** How much of one family there is, and what is not. */
export interface FamilyReport {
  readonly supported: readonly string[];
  readonly missing: readonly NamedFeature[];
}

/** What the addon said; without one there is only `error`. */
export interface KernelReport extends RingAvailability {
  /** Why the addon could not be loaded, and so nothing could be asked. */
  readonly error?: string;
  readonly families: Readonly<Record<string, FamilyReport>>;
}

/** What a server or a socket is driven by where its options name no backend. */
export interface DefaultBackend {
  /** Undefined where neither of the two can be opened. */
  readonly name: BackendName | undefined;
  readonly why: string;
  readonly hint?: string;
}

/** Opens one and closes it; undefined without an addon, of which the report says enough. */
export async function collectBackend(): Promise<DefaultBackend | undefined> {
  try {
    const { openBackend } = await import('../loop/open.js');
    const backend = openBackend();
    const { name, why } = backend;
    await backend.close();
    return { name, why };
  } catch (error) {
    const { message, syscall, hint } = error as Error & { syscall?: string; hint?: string };
    if (syscall === undefined) return undefined;
    return { name: undefined, why: message, ...(hint && { hint }) };
  }
}

/** Which performance counters there are. */
export interface CounterReport {
  readonly hardware: boolean;
  readonly software: boolean;
  /** Why some are missing, and what would help. */
  readonly reason: string | undefined;
}

/** Asks the kernel through the addon; undefined without one. */
export async function collectCounters(): Promise<CounterReport | undefined> {
  try {
    const { perfSupport } = await import('../cpu/perf.js');
    const { cycles, 'page-faults': faults } = perfSupport();
    const { supported: hardware } = cycles;
    const { supported: software } = faults;
    return { hardware, software, reason: software ? cycles.reason : faults.reason };
  } catch {
    return undefined;
  }
}

type Limit = { readonly soft: number | 'unlimited'; readonly hard: number | 'unlimited' };

export interface Report {
  readonly system: { kernel: string; node: string; arch: string; cpus: number };
  readonly ioUring: KernelReport;
  /** Undefined when nobody could be asked. */
  readonly backend: DefaultBackend | undefined;
  readonly confinement: {
    seccomp: 'off' | 'strict' | 'filter' | undefined;
    noNewPrivs: boolean | undefined;
    capabilities: Record<string, boolean | undefined>;
    ioUringDisabled: number | undefined;
    ioUringGroup: number | undefined;
    nearmetalDisable: string | undefined;
  };
  readonly limits: Record<'memlock' | 'nofile' | 'rtprio', Limit | undefined>;
  readonly hugepages: readonly HugepagePool[];
  readonly transparentHugepages: TransparentHugepages;
  readonly numa: readonly NumaNode[];
  readonly cpus: {
    online: string | undefined;
    allowed: string | undefined;
    isolated: string | undefined;
    nohzFull: string | undefined;
    packages: number;
    cores: number;
    /** Performance counters; undefined when nobody could be asked. */
    counters: CounterReport | undefined;
  };
  readonly cgroup: Cgroup;
}

const FAMILIES = ['op', 'setup', 'register', 'ring', 'syscall'] as const;

/** Asks the kernel through the addon. */
export async function collectKernel(): Promise<KernelReport> {
  try {
    const { features } = await import('../features.js');
    const families: Record<string, FamilyReport> = {};
    for (const kind of FAMILIES) {
      const all = Object.entries(features[kind]).map(([name, feature]) => ({ name, ...feature }));
      families[kind] = {
        supported: all.filter(({ supported }) => supported).map(({ name }) => name),
        missing: all.filter(({ supported }) => !supported),
      };
    }
    return { ...features.ioUring, families };
  } catch (error) {
    // No addon for this system: the rest of the report is what helps then.
    const { message, reason, hint } = error as Error & { reason?: string; hint?: string };
    return { available: false, error: reason ?? message, ...(hint && { hint }), families: {} };
  }
}

function limit(name: 'memlock' | 'nofile' | 'rtprio', reader: Reader): Limit | undefined {
  const found = readLimit(name, reader);
  if (found === undefined) return undefined;
  const plain = (value: number) => (value === Infinity ? 'unlimited' : value);
  return { soft: plain(found.soft), hard: plain(found.hard) };
}

function confinement(reader: Reader): Report['confinement'] {
  const { seccomp, noNewPrivs } = readConfinement(reader);
  const names = Object.keys(CAPABILITIES) as (keyof typeof CAPABILITIES)[];
  return {
    seccomp: seccomp === undefined ? undefined : (['off', 'strict', 'filter'] as const)[seccomp],
    noNewPrivs,
    capabilities: Object.fromEntries(names.map((name) => [name, hasCapability(name, reader)])),
    ioUringDisabled: sysctl('kernel.io_uring_disabled', reader),
    ioUringGroup: sysctl('kernel.io_uring_group', reader),
    nearmetalDisable: process.env['NEARMETAL_DISABLE'] || undefined,
  };
}

/** What was asked through the addon. */
export interface Asked {
  readonly ioUring: KernelReport;
  readonly backend?: DefaultBackend | undefined;
  readonly counters?: CounterReport | undefined;
}

/** Everything; `reader` stands for /proc and /sys. */
export function collect({ ioUring, backend, counters }: Asked, reader: Reader): Report {
  const cpuFolder = '/sys/devices/system/cpu';
  const machine = readTopology(reader);
  return {
    system: { kernel: kernel.release, node: process.version, arch: arch(), cpus: cpus().length },
    ioUring,
    backend,
    confinement: confinement(reader),
    limits: {
      memlock: limit('memlock', reader),
      nofile: limit('nofile', reader),
      rtprio: limit('rtprio', reader),
    },
    hugepages: readHugepagePools(reader),
    transparentHugepages: readTransparentHugepages(reader),
    numa: readNumaNodes(reader),
    cpus: {
      online: readLine(`${cpuFolder}/online`, reader),
      allowed: readConfinement(reader).cpusAllowed,
      isolated: readLine(`${cpuFolder}/isolated`, reader) || undefined,
      nohzFull: machine.nohzFull.isEmpty ? undefined : `${machine.nohzFull}`,
      packages: machine.packages.length,
      cores: machine.cores.length,
      counters,
    },
    cgroup: readCgroup(reader),
  };
}
