/** Writes that go on after a short one, and say how they ended. */
import { EAGAIN, ECANCELED, EINTR, EIO } from '../abi.js';
import { systemError } from '../errors.js';
import type { OwnedFd } from '../fd/fd.js';
import type { Durability, DurableWrite, FileCalls } from '../fs/calls.js';

/** Bytes, and where they go. */
export interface Piece {
  readonly file: OwnedFd;
  readonly bytes: Uint8Array;
  readonly position: number;
}

/**
 * Writes all of a piece, however many writes that takes, and makes durable what `what` says.
 * `written` is the error of a write that failed, whatever was written before it.
 */
export async function writeFully(
  calls: FileCalls,
  { file, bytes, position }: Piece,
  what: Durability,
): Promise<DurableWrite> {
  for (let done = 0; ; ) {
    const rest = bytes.subarray(done);
    const outcome = await calls.writeDurably(file, rest, position + done, what);
    const { written, synced } = outcome;
    if (written === rest.length) return { written: bytes.length, synced };
    if (written === -EINTR || written === -EAGAIN) continue;
    if (written < 0) return { written, synced: -ECANCELED };
    // No manual allows for it, and to ask again could last for ever.
    if (written === 0) return { written: -EIO, synced: -ECANCELED };
    done += written;
  }
}

/** As `writeFully` without a sync; what fails is thrown. */
export async function writeOut(calls: FileCalls, piece: Piece, path: string): Promise<void> {
  const { written } = await writeFully(calls, piece, 'none');
  if (written < 0) throw systemError(written, 'write', { path });
}
