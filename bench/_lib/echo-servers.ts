/** All the echo servers that can run here, started and warm. */
import type { Load } from './load.js';
import { type Server, serverCommands, startServer } from './servers.js';
import type { Session } from './session.js';

export async function startEchoServers(
  session: Session,
  bench: string,
  load: Load,
): Promise<Server[]> {
  const servers: Server[] = [];
  for (const [subject, command] of serverCommands) {
    session.progress(`${bench}: starting ${subject}`);
    const server = await session.admit(subject, () => start(session, load, subject, command));
    if (server) servers.push(server);
  }
  return servers;
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
    await load.run(server, warmUp, Math.max(0.3, pace.longTurn));
  } catch (error) {
    await server.child.stop();
    throw error;
  }
  return server;
}
