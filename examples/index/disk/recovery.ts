/** What was durable comes back: the checkpoint, then what the log has beyond it. */
import type { AppendLog } from 'nearmetal/log';
import { IndexCorruptError } from '../errors.js';
import type { Store } from '../store.js';
import { apply, isCheckpointMark } from './changes.js';
import { readCheckpoint } from './checkpoint-reader.js';

export interface Recovered {
  /** Entries that came from the checkpoint. */
  readonly entries: number;
  /** The last record of the log that the checkpoint stands for; 0 without one. */
  readonly sequence: number;
  /** Records of the log that were played again: each has the changes of a batch. */
  readonly replayed: number;
  /** Bytes of a write that a crash had cut off, and which nobody was told of. */
  readonly cutBytes: number;
}

/** Fills an empty store. It had room for all of this before, and may lie otherwise now. */
export async function recover(path: string, log: AppendLog, store: Store): Promise<Recovered> {
  const { reserve } = store.pages;
  store.pages.reserve = 0;
  const recovered = await readBack(path, log, store);
  store.pages.reserve = reserve;
  return recovered;
}

async function readBack(path: string, log: AppendLog, store: Store): Promise<Recovered> {
  const head = await readCheckpoint(path, store);
  const sequence = head?.sequence ?? 0;
  const gone = `'${path}' is gone: the log goes on from it`;
  if (log.firstSequence > sequence + 1) throw new IndexCorruptError(gone);
  if (log.sequence < sequence) {
    throw new IndexCorruptError(
      `'${path}' has what the log '${log.path}' says by record ${sequence}, and that ends with ` +
        `record ${log.sequence}: it is another log, or it was emptied`,
    );
  }
  let replayed = 0;
  for await (const record of log.records({ from: sequence + 1 })) {
    if (isCheckpointMark(record.bytes)) {
      if (head === undefined) throw new IndexCorruptError(gone);
      continue;
    }
    if (!apply(record.bytes, store)) {
      const what = `record ${record.sequence} of the log '${log.path}'`;
      throw new IndexCorruptError(`${what} is whole, and no change of an index`);
    }
    replayed++;
  }
  return { entries: head?.entries ?? 0, sequence, replayed, cutBytes: log.cutBytes };
}
