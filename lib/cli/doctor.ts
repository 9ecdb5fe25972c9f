/** `nearmetal doctor`: the report as a page for people, or as JSON for machines. */
import { formatBytes, system } from '../proc/read.js';
import { Page } from './page.js';
import {
  collect,
  collectBackend,
  collectCounters,
  collectKernel,
  type FamilyReport,
  type Report,
} from './report.js';

const HELP = `Usage: nearmetal doctor [--json]

Shows what this kernel, container and machine allow; for each thing that is off, why,
and what to type.
  --json   the same as one JSON object
Ends with 0 when io_uring can be used, with 1 when it cannot.
`;

export async function run(words: readonly string[]): Promise<number> {
  if (words.includes('--help') || words.includes('-h')) {
    process.stdout.write(HELP);
    return 0;
  }
  const unknown = words.find((word) => word !== '--json');
  if (unknown !== undefined) {
    process.stderr.write(`nearmetal doctor: "${unknown}" is not known\n\n${HELP}`);
    return 2;
  }
  const asked = {
    ioUring: await collectKernel(),
    backend: await collectBackend(),
    counters: await collectCounters(),
  };
  const report = collect(asked, system);
  if (words.includes('--json')) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else
    process.stdout.write(render(report, Boolean(process.stdout.isTTY) && !process.env['NO_COLOR']));
  return report.ioUring.available ? 0 : 1;
}

export function render(report: Report, colour: boolean): string {
  const page = new Page(colour);
  const { kernel, node, arch, cpus } = report.system;
  page.title('System');
  page.row('plain', 'kernel', kernel);
  page.row('plain', 'node', `${node} on ${arch}, ${cpus} CPUs`);
  ioUring(page, report);
  backend(page, report);
  confinement(page, report);
  limits(page, report);
  memory(page, report);
  processors(page, report);
  return page.toString();
}

const FAMILY_TITLES: readonly (readonly [kind: string, title: string])[] = [
  ['op', 'operations'],
  ['setup', 'setup flags'],
  ['register', 'registrations'],
  ['ring', 'ring features'],
];

function ioUring(page: Page, { ioUring: found }: Report): void {
  page.title('io_uring');
  if (found.error !== undefined) {
    page.row('bad', 'addon', 'not loaded, so nothing could be asked');
    page.why(found.error);
    page.type(found.hint);
    return;
  }
  page.row(
    found.available ? 'good' : 'bad',
    'rings',
    found.available ? 'available' : `off (${found.reason})`,
  );
  if (!found.available) {
    page.why(found.detail);
    page.type(found.hint);
  } else {
    for (const [kind, title] of FAMILY_TITLES) family(page, title, found.families[kind]);
  }
  family(page, 'other system calls', found.families['syscall']);
}

/** Rings may be allowed and the ring of an event loop not: a limit leaves it no memory. */
function backend(page: Page, { backend: found, ioUring: { available } }: Report): void {
  if (found === undefined) return;
  const { name, why, hint } = found;
  page.title('Event loop');
  if (name === undefined) {
    page.row('bad', 'backend', 'none can be opened');
    page.why(why);
    page.type(hint);
    return;
  }
  page.row(name === 'io_uring' ? 'good' : 'plain', 'backend', name);
  // Why there are no rings at all is said above.
  if (name === 'epoll' && available) page.why(why);
}

/** What is missing is listed by the reason it shares: an old kernel is a few lines. */
function family(page: Page, title: string, found: FamilyReport | undefined): void {
  if (found === undefined) return;
  const total = found.supported.length + found.missing.length;
  page.row(
    found.missing.length === 0 ? 'good' : 'plain',
    title,
    `${found.supported.length} of ${total}`,
  );
  const groups = new Map<string, { names: string[]; hint: string | undefined }>();
  for (const { name, detail = 'unknown', hint } of found.missing) {
    const group = groups.get(detail) ?? { names: [], hint };
    group.names.push(name);
    groups.set(detail, group);
  }
  for (const [detail, { names, hint }] of groups) {
    page.why(`${names.join(', ')}: ${detail}`);
    page.type(hint);
  }
}

function confinement(page: Page, { confinement: found }: Report): void {
  page.title('Confinement');
  page.row('plain', 'seccomp', found.seccomp ?? 'cannot be read');
  if (found.noNewPrivs !== undefined)
    page.row('plain', 'no new privileges', found.noNewPrivs ? 'yes' : 'no');
  const names = Object.entries(found.capabilities);
  const held = names.filter(([, value]) => value === true).map(([name]) => name);
  const lacking = names.filter(([, value]) => value === false).map(([name]) => name);
  page.row('plain', 'capabilities held', held.join(', ') || 'none of those that matter here');
  if (lacking.length > 0) page.row('plain', 'capabilities lacking', lacking.join(', '));
  const disabled = found.ioUringDisabled;
  if (disabled !== undefined) {
    const words =
      ['anyone may', 'CAP_SYS_ADMIN or the group only', 'nobody may'][disabled] ?? 'unknown';
    page.row(disabled === 0 ? 'good' : 'bad', 'kernel.io_uring_disabled', `${disabled} (${words})`);
    if (disabled !== 0) page.type('sysctl -w kernel.io_uring_disabled=0  (as root, on the host)');
    if (disabled === 1)
      page.row('plain', 'kernel.io_uring_group', String(found.ioUringGroup ?? 'unknown'));
  }
  if (found.nearmetalDisable !== undefined)
    page.row('bad', 'NEARMETAL_DISABLE', found.nearmetalDisable);
}

/** Below these, work that this package is made for runs into the limit. */
const ENOUGH_MEMLOCK = 64 * 2 ** 20;
const ENOUGH_FILES = 65536;

function limits(page: Page, { limits: found, confinement: { capabilities } }: Report): void {
  page.title('Limits');
  const bytes = (value: number | 'unlimited') =>
    value === 'unlimited' ? value : formatBytes(value);
  if (found.memlock) {
    const { soft, hard } = found.memlock;
    const enough =
      soft === 'unlimited' || soft >= ENOUGH_MEMLOCK || capabilities['CAP_IPC_LOCK'] === true;
    const held = capabilities['CAP_IPC_LOCK'] === true ? '; CAP_IPC_LOCK lifts it' : '';
    page.row(enough ? 'good' : 'bad', 'memlock', `${bytes(soft)} (at most ${bytes(hard)})${held}`);
    if (!enough) page.why('rings, registered buffers and locked memory count against it');
    if (!enough)
      page.type(
        'ulimit -l unlimited; LimitMEMLOCK=infinity in systemd; docker run --ulimit memlock=-1',
      );
  }
  if (found.nofile) {
    const { soft, hard } = found.nofile;
    const enough = soft === 'unlimited' || soft >= ENOUGH_FILES;
    page.row(enough ? 'good' : 'bad', 'nofile', `${soft} (at most ${hard})`);
    if (!enough) page.why('each connection is a descriptor');
    const raised =
      hard !== 'unlimited' && hard < ENOUGH_FILES ? ' as root; LimitNOFILE= in systemd' : '';
    if (!enough) page.type(`ulimit -n ${ENOUGH_FILES}${raised}`);
  }
  if (found.rtprio) {
    const enough = found.rtprio.soft !== 0 || capabilities['CAP_SYS_NICE'] === true;
    const held = capabilities['CAP_SYS_NICE'] === true ? '; CAP_SYS_NICE lifts it' : '';
    page.row(enough ? 'good' : 'plain', 'rtprio', `${found.rtprio.soft}${held}`);
    if (!enough) page.why('real-time scheduling is not permitted');
    if (!enough) page.type('ulimit -r 10; docker run --cap-add SYS_NICE');
  }
}

function memory(page: Page, { hugepages, transparentHugepages: thp, numa }: Report): void {
  page.title('Memory');
  if (hugepages.length === 0) page.row('plain', 'hugepages', 'no pools can be seen');
  for (const { size, total, free } of hugepages) {
    page.row(
      total > 0 ? 'good' : 'plain',
      `hugepages of ${formatBytes(size)}`,
      `${free} of ${total} free`,
    );
    if (total > 0) continue;
    page.why('none are reserved');
    const count = size < 2 ** 30 ? 64 : 1;
    const file = `/sys/kernel/mm/hugepages/hugepages-${size / 1024}kB/nr_hugepages`;
    page.type(`echo ${count} > ${file}  (as root)`);
  }
  const { enabled, defrag, shmem } = thp;
  const words = enabled && `${enabled}, defrag ${defrag ?? 'unknown'}, shmem ${shmem ?? 'unknown'}`;
  page.row(
    enabled === 'never' ? 'bad' : 'plain',
    'transparent hugepages',
    words ?? 'cannot be read',
  );
  if (enabled === 'never')
    page.type('echo madvise > /sys/kernel/mm/transparent_hugepage/enabled  (as root)');
  if (numa.length === 0) page.row('plain', 'NUMA', 'no nodes can be seen');
  for (const { node, cpus, total, free } of numa) {
    const bytes = (value: number | undefined) =>
      value === undefined ? '?' : `${Math.round(value / 2 ** 20)} MiB`;
    page.row(
      'plain',
      `NUMA node ${node}`,
      `CPUs ${cpus || 'none'}, ${bytes(free)} of ${bytes(total)} free`,
    );
  }
}

function processors(page: Page, { cpus, cgroup }: Report): void {
  page.title('CPUs');
  page.row('plain', 'online', cpus.online ?? 'cannot be read');
  page.row('plain', 'allowed', cpus.allowed ?? 'cannot be read');
  const many = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;
  const { packages, cores, counters } = cpus;
  page.row('plain', 'made of', `${many(packages, 'package')}, ${many(cores, 'core')}`);
  page.row('plain', 'isolated', cpus.isolated ?? 'none');
  if (cpus.nohzFull !== undefined) page.row('plain', 'without a timer tick', cpus.nohzFull);
  if (counters !== undefined) {
    const kinds = counters.hardware ? 'hardware and software' : 'software only';
    const found = counters.software ? kinds : 'none';
    page.row(counters.software ? 'good' : 'plain', 'performance counters', found);
    page.why(counters.reason);
  }
  const version =
    cgroup.version === 0 ? 'none to be seen' : `version ${cgroup.version}, ${cgroup.path}`;
  page.row('plain', 'cgroup', version);
  const { cpuQuota: quota, memoryMax } = cgroup;
  page.row('plain', 'quota', quota === undefined ? 'none' : `${quota} CPUs`);
  if (quota !== undefined && quota < 2)
    page.why('a kernel thread that polls (sqPoll) would use most of it');
  if (memoryMax !== undefined) page.row('plain', 'memory limit', formatBytes(memoryMax));
}
