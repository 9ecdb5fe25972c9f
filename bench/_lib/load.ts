/** The client that drives the echo servers: ours in C, or its slower twin on Node. */
import type { Sample } from './interleave.js';
import { MissingPeer } from './missing.js';
import { subjectFile } from './paths.js';
import { Child } from './process.js';
import { reference } from './reference.js';
import type { Server } from './servers.js';

/** What is on the way at any time: `depth` messages of `size` bytes on each connection. */
export interface LoadShape {
  readonly connections: number;
  readonly size: number;
  readonly depth: number;
  /**
   * Messages a second, at fixed times whatever has come back; latency counts from when each was
   * due. Without it each answer lets the next message go. Needs the client in C.
   */
  readonly rate?: number;
}

/** What both clients print. */
export interface LoadAnswer {
  readonly messages: number;
  /** With those of the warm-up and what was on the way at the end. */
  readonly all: number;
  readonly ns: number;
  readonly p50_us: number;
  readonly p99_us: number;
  readonly p999_us: number;
  /** In the measured time only, as all of these. */
  readonly server_cpu_ns: number;
  readonly client_cpu_ns: number;
  readonly errors: number;
}

export interface Load {
  /** Why it is not the client in C. */
  readonly note: string | undefined;
  /** One turn. Rejects when a byte came back wrong or not at all. */
  run(server: Pick<Server, 'port' | 'child'>, shape: LoadShape, seconds: number): Promise<Sample>;
}

const WARM_UP_PART = 0.3;

/** The command of the client, with the reason when it is not the one in C. */
function findClient(): { command: string[]; note: string | undefined } {
  try {
    return { command: [reference('load')], note: undefined };
  } catch (error) {
    if (!(error instanceof MissingPeer)) throw error;
    const note = `${error.message}; a client on Node.js drives the servers, and slows them all`;
    return { command: [process.execPath, subjectFile('load-node')], note };
  }
}

export function findLoad(cpu: number | undefined): Load {
  const { command, note } = findClient();
  return {
    note,
    async run({ port, child: server }, { connections, size, depth, rate = 0 }, seconds) {
      const times = [seconds * WARM_UP_PART, seconds];
      const sizes = [port, connections, size, depth, ...times, server.pid, rate];
      const client = new Child('load client', [...command, ...sizes.map(String)], { cpu });
      const answer = await client.answer<LoadAnswer>();
      await client.stop();
      if (answer.errors > 0) throw new Error(`the echo was wrong: ${JSON.stringify(answer)}`);
      return {
        figures: {
          rate: (answer.messages * 1e9) / answer.ns,
          p50: answer.p50_us,
          p99: answer.p99_us,
          p999: answer.p999_us,
        },
        cpuUsPerOp: answer.server_cpu_ns / answer.messages / 1000,
        operations: answer.all,
      };
    },
  };
}
