/** What each worker does: answers requests on its share of the port until it is to finish. */
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer } from 'nearmetal/http';
import { workerContext } from 'nearmetal/workers';
import { AccessLog } from './log.js';
import { refuseMalformed } from './malformed.js';
import type { Site } from './options.js';
import { Responder } from './responder.js';

/** Peers that dawdle, or send more than a request for a file has. */
const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 1000,
};
/** For answers that are on their way when the worker is to finish. */
const GRACE_MS = 5000;

const context = workerContext<Site>();
const { tls, log: path, maxConnections } = context.data;
const log = path === undefined ? undefined : await AccessLog.open(path);
const responder = new Responder(context.data, log);

// One program over both: node:https has its own connections, and all that a server of HTTP has.
const server: Server =
  tls === undefined
    ? createServer(LIMITS, responder.answer)
    : (createTlsServer(
        { ...LIMITS, ...tls, handshakeTimeout: 10_000 },
        responder.answer,
      ) as Server);
server.on('clientError', refuseMalformed);
server.maxConnections = maxConnections;
server.listen({ fd: context.listener().release() });

context.report(() => ({ requests: responder.requests }));
context.onDrain(async () => {
  responder.draining = true;
  const late = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(late);
  await log?.close();
});
