/** The first module of each thread of a group: makes its context, then runs the entry. */
import { syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';
import threads from 'node:worker_threads';
import { beginContext } from './context.js';
import type { Envelope } from './protocol.js';

const envelope = threads.workerData as Envelope;
const { entry, data, readyWhen } = envelope.orders;
const context = beginContext(envelope);
// To the entry it is as if it were the worker's own module.
(threads as { workerData: unknown }).workerData = data;
syncBuiltinESMExports();
if (entry.startsWith('file:')) process.argv[1] = fileURLToPath(entry);

await import(entry);
if (readyWhen === 'evaluated') context.ready();
