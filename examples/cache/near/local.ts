/** What is answered here, for it is about the client's own connection, and what is refused. */

export const LOCAL = ['ping', 'echo', 'hello', 'select', 'quit', 'reset', 'auth', 'client'];

export const STATE =
  'ERR it would change the connection to the upstream server, which many clients share';
const STREAM = 'ERR what it answers has no end: ask the upstream server itself';
const NODES = 'ERR This instance has cluster support disabled';

export const REFUSED: Readonly<Record<string, string>> = {
  monitor: STREAM,
  sync: STREAM,
  psync: STREAM,
  replconf: STREAM,
  asking: NODES,
  cluster: NODES,
  readonly: NODES,
  readwrite: NODES,
  wait: STATE,
  waitaof: STATE,
};
