/** Which CPUs a cgroup leaves to a thread: the cpuset's answer, of either version. */
import { type Reader, readLine, system } from './read.js';

/** Where each version keeps the CPUs in force, nearest first. */
function places(cgroups: string): string[] {
  const found: string[] = [];
  for (const line of cgroups.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const legacy = controllers?.split(',').includes('cpuset');
    if (!legacy && controllers !== '') continue;
    const roots = legacy ? ['/sys/fs/cgroup/cpuset'] : ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'];
    const parts = path.split('/').filter(Boolean);
    for (let up = 0; up <= parts.length; up++) {
      const below = parts.slice(0, parts.length - up).map((part) => `/${part}`);
      for (const root of roots) found.push(`${root}${below.join('')}`);
    }
  }
  return found;
}

/**
 * In the kernel's list format; undefined where no cpuset can be seen.
 * In a container the path may be one of the host's: then the nearest level that exists answers.
 */
export function readCpuset(
  what: 'cpus' | 'mems',
  reader: Reader = system,
  tid?: number,
): string | undefined {
  const of = tid === undefined || tid === 0 ? 'thread-self' : String(tid);
  const cgroups = reader.text(`/proc/${of}/cgroup`) ?? reader.text('/proc/self/cgroup') ?? '';
  for (const place of places(cgroups)) {
    const list =
      readLine(`${place}/cpuset.${what}.effective`, reader) ||
      readLine(`${place}/cpuset.effective_${what}`, reader);
    if (list) return list;
  }
  return undefined;
}
