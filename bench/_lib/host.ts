/** What the figures were measured on, with how quiet it was meanwhile. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return otherwise;
  }
}

/** One line per fact, in the order in which a reader asks. */
export function hostFacts(): [name: string, value: string][] {
  const flags = /^flags\s*:.*$/m.exec(readOr('/proc/cpuinfo', ''))?.[0] ?? '';
  const governor = readOr('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor', '');
  const facts: [string, string][] = [
    ['CPU', `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} usable`],
    [
      'kernel',
      `${release()} ${process.arch}${flags.includes(' hypervisor') ? ', virtual machine' : ''}`,
    ],
    ['Node.js', process.version],
    ['memory', `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
  ];
  if (governor) facts.push(['governor', governor]);
  return facts;
}

interface CpuTimes {
  readonly total: number;
  readonly busy: number;
  readonly stolen: number;
  /** Of us and of the children that we have waited for. */
  readonly own: number;
}

function cpuTimes(): CpuTimes {
  const fields =
    /^cpu\s+(.*)$/m.exec(readOr('/proc/stat', ''))?.[1]?.split(/\s+/).map(Number) ?? [];
  const own = readOr('/proc/self/stat', '').split(') ').at(-1)?.split(' ') ?? [];
  // user nice system idle iowait irq softirq steal; what follows is already part of user and nice.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] =
    fields;
  const busy = user + nice + system;
  return {
    total: busy + idle + iowait + irq + softirq + steal,
    busy,
    stolen: steal,
    // utime stime cutime cstime
    own: own.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0),
  };
}

function frequencies(): number[] {
  return cpus().map((_, cpu) =>
    Number(readOr(`/sys/devices/system/cpu/cpu${cpu}/cpufreq/scaling_cur_freq`, '0')),
  );
}

/** What part of all CPU time makes figures doubtful. */
const DOUBTFUL = 0.01;
const FREQUENCY_CHANGE = 0.05;

/** Watches for what makes figures doubtful; the answered function says what was seen since. */
export function watchNoise(): () => string[] {
  const loadBefore = loadavg()[0] ?? 0;
  const before = cpuTimes();
  const clocks = frequencies();
  return () => {
    const after = cpuTimes();
    const part = (ticks: number) => ticks / Math.max(1, after.total - before.total);
    const percent = (ticks: number) => `${(100 * part(ticks)).toFixed(1)}%`;
    const warnings: string[] = [];
    const stolen = after.stolen - before.stolen;
    const others = after.busy - before.busy - (after.own - before.own);
    if (loadBefore > 0.5) {
      warnings.push(
        `the load average was ${loadBefore.toFixed(2)} at the start: others were running`,
      );
    }
    if (part(stolen) > DOUBTFUL) {
      warnings.push(`the hypervisor took ${percent(stolen)} of the CPU time away`);
    }
    if (part(others) > DOUBTFUL) {
      warnings.push(`other processes took ${percent(others)} of the CPU time`);
    }
    const changed = frequencies().findIndex((now, cpu) => {
      const then = clocks[cpu] ?? 0;
      return then > 0 && Math.abs(now / then - 1) > FREQUENCY_CHANGE;
    });
    if (changed >= 0) warnings.push(`the clock frequency of CPU ${changed} changed`);
    return warnings;
  };
}
