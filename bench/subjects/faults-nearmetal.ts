/** Maps memory and touches each page of it, once per line. Arguments: which pages, and bytes. */
import { createInterface } from 'node:readline';
import { Mapping, pageFaults } from 'nearmetal/memory';

const PAGE = 4096;
const [way = '', bytes = ''] = process.argv.slice(2);
const size = Number(bytes);
const [kind = '', populated] = way.split(' ');

function map(): Mapping {
  const populate = populated !== undefined;
  if (kind === 'transparent') {
    return Mapping.anonymous({ size, hugePage: 'transparent', populate });
  }
  if (kind !== '4KiB') {
    const mapping = Mapping.anonymous({ size, hugePage: kind as '2MiB', populate });
    return mapping;
  }
  const mapping = Mapping.anonymous({ size, populate: false });
  mapping.advise('nohugepage');
  if (populate) mapping.populate();
  return mapping;
}

/** Hugepages that were not populated are touched all the same: this is what is measured. */
function touch(view: Uint8Array): void {
  for (let at = 0; at < size; at += PAGE) view[at] = 1;
}

for await (const _ of createInterface({ input: process.stdin })) {
  const cpuBefore = process.cpuUsage();
  const before = pageFaults({ thread: true });
  const startedAt = performance.now();
  const mapping = map();
  touch(mapping.unsafeView());
  const ns = (performance.now() - startedAt) * 1e6;
  const faults = pageFaults({ thread: true }).minor - before.minor;
  const { user, system } = process.cpuUsage(cpuBefore);
  mapping.dispose();
  console.log(JSON.stringify({ ns, cpu_ns: (user + system) * 1000, faults }));
}
