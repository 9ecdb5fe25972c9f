/** What each worker does: answers requests on its share of the port until it is to finish. */
import { workerContext } from 'nearmetal/workers';
import { AccessLog } from './log.js';
import type { Site } from './options.js';
import type { Peer } from './peer.js';
import { servePlain } from './plain.js';
import { Responder } from './responder.js';
import { Session } from './session.js';
import { serveTls } from './tls.js';

const CHECK_MS = 1000;
/** For answers that are on their way when the worker is to finish. */
const GRACE_MS = 5000;

const context = workerContext<Site>();
const { tls, log: path, maxConnections, idleMs } = context.data;
const log = path === undefined ? undefined : await AccessLog.open(path);
const responder = new Responder(context.data, log);
const open = (peer: Peer): Session => new Session(peer, responder);
const listener = context.listener();
const serving =
  tls === undefined
    ? servePlain(listener, maxConnections, open, GRACE_MS)
    : serveTls(listener, tls, maxConnections, open, GRACE_MS);

const checks = setInterval(
  () => {
    const now = performance.now();
    for (const session of serving.sessions()) session.check(now, idleMs);
    responder.files.sweep();
  },
  Math.min(idleMs, CHECK_MS),
);

context.report(() => ({ requests: responder.requests }));
context.onDrain(async () => {
  await serving.drain();
  clearInterval(checks);
  responder.files.clear();
  await log?.close();
});
