/** What goes wrong with the workers of a group. */

type Reason = 'ENDED' | 'NOT_READY' | 'BLOCKED' | 'GAVE_UP' | 'STOPPED' | 'NOT_A_WORKER';

/** A worker of a group failed; `cause` is what it failed of, where that is known. */
export class WorkerError extends Error {
  /** ERR_NEARMETAL_WORKER_ and ENDED, NOT_READY, BLOCKED, GAVE_UP, STOPPED or NOT_A_WORKER. */
  readonly code: `ERR_NEARMETAL_WORKER_${Reason}`;
  /** Which worker. */
  readonly index: number | undefined;

  constructor(reason: Reason, message: string, about: { index?: number; cause?: unknown } = {}) {
    super(message, about.cause === undefined ? {} : { cause: about.cause });
    this.code = `ERR_NEARMETAL_WORKER_${reason}`;
    this.index = about.index;
  }
}
Object.defineProperty(WorkerError.prototype, 'name', {
  value: 'WorkerError',
  writable: true,
  configurable: true,
});
