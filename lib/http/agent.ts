/** Requests over connections of this library: node:http's agent, with another way to connect. */
import {
  type ClientRequest,
  type IncomingMessage,
  Agent as NodeAgent,
  type AgentOptions as NodeAgentOptions,
  request as nodeRequest,
  type RequestOptions,
} from 'node:http';
import type { BackendName } from '../loop/backend.js';
import type { ConnectOptions } from '../net/node-arguments.js';
import { connect } from '../net/node-face.js';
import type { Socket } from '../net/socket.js';

export interface AgentOptions extends NodeAgentOptions {
  /** Which backend carries the connections. Default: io_uring where it works. */
  backend?: BackendName;
}

/** An agent of node:http whose connections are this library's. */
export class Agent extends NodeAgent {
  constructor(options?: AgentOptions) {
    super(options);
  }

  /** @internal Called by node:http. */
  override createConnection(options: unknown): Socket {
    return connect(options as ConnectOptions);
  }
}

/** Keeps connections for the next request, as Node's own does. */
export const globalAgent: Agent = new Agent({ keepAlive: true, timeout: 5000, scheduling: 'lifo' });

type Listener = (response: IncomingMessage) => void;

/** As `http.request`; without an agent of its own it goes over `globalAgent` here. */
export function request(options: RequestOptions | string | URL, listener?: Listener): ClientRequest;
export function request(
  url: string | URL,
  options: RequestOptions,
  listener?: Listener,
): ClientRequest;
export function request(...given: unknown[]): ClientRequest {
  const [first, second] = given;
  const listener = given.find((each) => typeof each === 'function') as Listener | undefined;
  const byUrl = typeof first === 'string' || first instanceof URL;
  const options = ((byUrl ? second : first) ?? {}) as RequestOptions;
  const ours: RequestOptions = {
    ...(typeof options === 'object' ? options : {}),
    agent: options.agent ?? (options.agent === false ? false : globalAgent),
  };
  return byUrl ? nodeRequest(first, ours, listener) : nodeRequest(ours, listener);
}

/** As `http.get`. */
export function get(options: RequestOptions | string | URL, listener?: Listener): ClientRequest;
export function get(url: string | URL, options: RequestOptions, listener?: Listener): ClientRequest;
export function get(...given: unknown[]): ClientRequest {
  const asked = request(...(given as [string]));
  asked.end();
  return asked;
}
