/** What has become of a write that was to be durable by itself (RWF_DSYNC). */
import { ECANCELED, EDQUOT, ENOSPC } from '../abi.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Durability, DurableWrite, FileCalls } from './calls.js';

/**
 * The one result of a write at the file's end and of its sync, told apart. A full disk may refuse
 * either: what was written and not synced has made the file longer.
 */
export async function oneWrite(
  calls: FileCalls,
  file: OwnedFd,
  source: Uint8Array,
  offset: number,
  what: Durability,
  result: number,
): Promise<DurableWrite> {
  if (what === 'none') return { written: result, synced: -ECANCELED };
  if (result >= 0) return { written: result, synced: 0 };
  if (result !== -ENOSPC && result !== -EDQUOT) return { written: result, synced: -ECANCELED };
  const end = await calls.statx(file, false, undefined).then(
    ({ size }) => size,
    () => Number.POSITIVE_INFINITY,
  );
  if (end <= offset) return { written: result, synced: -ECANCELED };
  return { written: source.length, synced: result };
}
