/** A chase through a mapping, "SECONDS" per line. Arguments: which pages, and how many bytes. */
import { Mapping } from 'nearmetal/memory';
import { chaseOnRequest } from '../_lib/chase.js';

function map(kind: string, size: number): Mapping {
  if (kind === 'transparent') return Mapping.anonymous({ size, hugePage: 'transparent' });
  if (kind !== '4KiB') return Mapping.anonymous({ size, hugePage: kind as '2MiB' });
  const mapping = Mapping.anonymous({ size, populate: false });
  mapping.advise('nohugepage');
  mapping.populate();
  return mapping;
}

const [kind = '', bytes = ''] = process.argv.slice(2);
const mapping = map(kind, Number(bytes));
const words = new Uint32Array(mapping.bytes.buffer, 0, Number(bytes) / 4);
await chaseOnRequest(words);
