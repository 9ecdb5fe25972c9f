/** Where an upstream server is, and how to say who we are. */

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface Login {
  readonly user: string | undefined;
  readonly password: string;
}

/** What all that concerns the upstream servers is decided by. */
export interface UpstreamSettings {
  /** The first ones to ask; of a cluster they need not be all. */
  readonly seeds: readonly Target[];
  readonly login: Login | undefined;
  /** Without an answer for so long a connection is given up. */
  readonly timeoutMs: number;
  /** Longer answers are not passed on. */
  readonly answerBytes: number;
}

export function nameOf({ host, port }: Target): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Undefined where the text is no address and port. */
export function targetOf(text: string): Target | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^\s,]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const host = bracketed ?? plain;
  return host !== undefined && port > 0 && port < 65536 ? { host, port } : undefined;
}
