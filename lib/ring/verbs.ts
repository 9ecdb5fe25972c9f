/**
 * The operations as methods of a ring: one line each, over `run` and `stream`, by family. Each
 * family extends the one before it, so that all are methods of one class.
 */
export { WaitVerbs as Verbs } from './verbs/waits.js';
