/** Finds the command, checks what all commands have in common, and runs it. */
import type { Call } from './call.js';
import type { Command } from './command.js';
import { NO_MEMORY, Refusal } from './refusal.js';
import type { Session } from './session.js';

const SHOWN = 128;

export function run(call: Call): void {
  const { request, session, server, reply } = call;
  server.commandCount++;
  const command = server.commands.find(request.source, request.start(0), request.lengthOf(0));
  const problem = command === undefined ? unknown(call) : problemOf(command, call);
  if (command === undefined || problem !== undefined) {
    if (session.queue !== undefined) session.queueRefused = true;
    reply.error(problem as string);
    return;
  }

  if (session.queue !== undefined && !command.immediate) enqueue(call, command, session);
  else execute(call, command);
}

/** Runs a command that has been checked. */
export function execute(call: Call, command: Command): void {
  command.calls++;
  call.session.lastCommand = command.name;
  try {
    command.run(call);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    call.reply.error(error.message);
  }
}

function problemOf(command: Command, call: Call): string | undefined {
  const { arity } = command;
  const { count, server, session } = call;
  if (arity > 0 ? count !== arity : count < -arity) return wrongCount(command.name);
  const elsewhere = server.cluster?.refusal(call, command);
  if (elsewhere !== undefined) return elsewhere;
  // Memory that collections have taken since is given back here; blocks are made room for at once.
  if (server.db.budget.over && !server.evictor.relieve() && command.denyOom) return NO_MEMORY;
  if (session.protocol === 2 && session.subscriptions > 0 && !command.pubsub) {
    return (
      `ERR Can't execute '${command.name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT ` +
      '/ RESET are allowed in this context'
    );
  }
  return undefined;
}

export function wrongCount(name: string): string {
  return `ERR wrong number of arguments for '${name}' command`;
}

function unknown(call: Call): string {
  let shown = '';
  for (let index = 1; index < call.count && shown.length < SHOWN; index++) {
    shown += `'${call.text(index).slice(0, SHOWN - shown.length)}' `;
  }
  const name = call.text(0).slice(0, SHOWN);
  return `ERR unknown command '${name}', with args beginning with: ${shown}`;
}

function enqueue(call: Call, command: Command, session: Session): void {
  const { budget } = call.db;
  const request = call.request.copy();
  const bytes = request.source.length + 128;
  if (!budget.has(bytes) && !call.server.evictor.mayEvict) {
    session.queueRefused = true;
    call.reply.error(NO_MEMORY);
    return;
  }
  session.queue?.push({ command, request });
  session.queueBytes += bytes;
  budget.input += bytes;
  call.reply.simple('QUEUED');
}
