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
  readonly stolen: number;
}

function cpuTimes(): CpuTimes {
  const fields =
    /^cpu\s+(.*)$/m.exec(readOr('/proc/stat', ''))?.[1]?.split(/\s+/).map(Number) ?? [];
  // user nice system idle iowait irq softirq steal; what follows is already part of user and nice.
  return {
    total: fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0),
    stolen: fields[7] ?? 0,
  };
}

/** Watches for what makes figures doubtful; the answered function says what was seen since. */
export function watchNoise(): () => string[] {
  const loadBefore = loadavg()[0] ?? 0;
  const before = cpuTimes();
  return () => {
    const after = cpuTimes();
    const warnings: string[] = [];
    const stolen = (100 * (after.stolen - before.stolen)) / Math.max(1, after.total - before.total);
    if (loadBefore > 0.5) {
      warnings.push(
        `the load average was ${loadBefore.toFixed(2)} at the start: others were running`,
      );
    }
    if (stolen > 1) warnings.push(`the hypervisor took ${stolen.toFixed(1)}% of the CPU time away`);
    return warnings;
  };
}
