/** All the echo servers that can run here, started and warm, and what they do under one load. */
import type { Load, LoadShape } from './load.js';
import { C_EPOLL, C_URING, FEW, type Server, serverCommands, startServer } from './servers.js';
import type { Metric, Session } from './session.js';

export function startEchoServers(session: Session, bench: string, load: Load): Promise<Server[]> {
  const chosen = serverCommands.filter(([subject]) => !session.short || FEW.includes(subject));
  return session.admitAll(chosen, ([subject, command]) => {
    session.progress(`${bench}: starting ${subject}`);
    return start(session, load, subject, command);
  });
}

/** A server counts as started once it has echoed: compilers are warm then, too. */
async function start(
  { placement, pace }: Session,
  load: Load,
  subject: string,
  command: () => string[],
): Promise<Server> {
  const server = await startServer(subject, command(), placement.server);
  const warmUp = { connections: 20, size: 64, depth: 4 };
  try {
    await load.run(server, warmUp, pace.warmUp);
  } catch (error) {
    await server.child.stop();
    throw error;
  }
  return server;
}

/** One case: each server under the same client, by turns. */
export async function measureEcho(
  session: Session,
  bench: string,
  name: string,
  how: { load: Load; servers: readonly Server[]; shape: LoadShape; metrics: readonly Metric[] },
): Promise<void> {
  const { load, servers, shape, metrics } = how;
  const contestants = servers.map((server) => ({
    subject: server.subject,
    // At fixed times a server that is traced falls behind without end.
    ...(shape.rate === undefined && { pid: server.child.pid }),
    turn: () => load.run(server, shape, session.pace.longTurn),
  }));
  await session.measure(bench, name, { contestants, references: [C_URING, C_EPOLL], metrics });
}
