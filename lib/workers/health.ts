/** Looks for signs of life: a worker whose counter stands still is blocked. */
import type { SupervisedWorker } from './supervised.js';

export class Health {
  readonly #workers: readonly SupervisedWorker[];
  readonly #silentLooks: number;
  readonly #changed: (worker: SupervisedWorker) => void;
  readonly #timer: NodeJS.Timeout;
  /** By worker: the last count, and how many looks it has stood there. */
  readonly #seen: { beats: number; silent: number }[];

  /**
   * @param silentLooks looks and not time: when this thread or the whole process was held up, the
   *   worker has had no chance to be heard
   * @param changed told of a worker that is blocked now, or not any more
   */
  constructor(
    workers: readonly SupervisedWorker[],
    everyMs: number,
    silentLooks: number,
    changed: (worker: SupervisedWorker) => void,
  ) {
    this.#workers = workers;
    this.#silentLooks = silentLooks;
    this.#changed = changed;
    this.#seen = workers.map(() => ({ beats: -1, silent: 0 }));
    this.#timer = setInterval(() => this.#look(), everyMs).unref();
  }

  #look(): void {
    for (const [index, worker] of this.#workers.entries()) {
      const seen = this.#seen[index];
      if (seen === undefined) continue;
      const { beats } = worker;
      if (beats === undefined || beats !== seen.beats) {
        seen.beats = beats ?? -1;
        seen.silent = 0;
        this.#set(worker, false);
      } else if (++seen.silent === this.#silentLooks) this.#set(worker, true);
    }
  }

  #set(worker: SupervisedWorker, blocked: boolean): void {
    if (worker.blocked === blocked) return;
    worker.blocked = blocked;
    this.#changed(worker);
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
