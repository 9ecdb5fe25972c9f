/** Errors about shared memory: what it is, who takes part, and what became of them. */

/** `code` of the errors, without its ERR_NEARMETAL_. */
export type SharedErrorCode =
  | 'CLOSED'
  | 'CORRUPT'
  | 'EXISTS'
  | 'FULL'
  | 'LAYOUT'
  | 'NO_RESPONDER'
  | 'NOT_FOUND'
  | 'PEER_DIED'
  | 'TAKEN';

/**
 * Something about shared memory that is not as it has to be; `code` says what:
 *
 * - `ERR_NEARMETAL_LAYOUT`: it is no memory of this library, of another version, cut, or of another
 *   PID namespace; or the structure of that name is of another kind.
 * - `ERR_NEARMETAL_NOT_FOUND`, `ERR_NEARMETAL_EXISTS`: there is no structure of that name, or one.
 * - `ERR_NEARMETAL_FULL`: no room is left for a structure or a participant.
 * - `ERR_NEARMETAL_TAKEN`: somebody who is alive has the part already.
 * - `ERR_NEARMETAL_PEER_DIED`: the other side ended without a word.
 * - `ERR_NEARMETAL_CLOSED`: the other side has gone, or this side has.
 * - `ERR_NEARMETAL_NO_RESPONDER`: the other end of the channel answers no requests.
 * - `ERR_NEARMETAL_CORRUPT`: somebody wrote what nobody may write.
 */
export class SharedError extends Error {
  readonly code: `ERR_NEARMETAL_${SharedErrorCode}`;

  /** @internal */
  constructor(code: SharedErrorCode, message: string) {
    super(message);
    this.name = 'SharedError';
    this.code = `ERR_NEARMETAL_${code}`;
  }
}
