/** One connection: whose it is, which backend takes it, and its bytes by splice, both ways. */
import type { OwnedFd } from 'nearmetal/fd';
import { openSocket, type Pending } from 'nearmetal/loop';
import {
  addressOf,
  type InternetAddress,
  peerAddressOf,
  setLinger,
  setSocketOption,
} from 'nearmetal/net';
import { type ProxyCounts, type ProxyError, proxy } from 'nearmetal/zerocopy';
import { unmapped } from './address.js';
import { NO_LIMIT } from './config.js';
import { hashOf } from './hash.js';
import { readHeader } from './header-reader.js';
import type { Backend } from './pool.js';
import { type Ends, headerOf } from './proxy-header.js';
import type { Counter } from './table.js';
import type { TcpService } from './tcp.js';

const NOTHING = new Uint8Array(0);

export class Passage {
  /** In the service's bag. */
  at = -1;
  /** Whose it is; undefined before, and when it has left. */
  backend: Backend | undefined = undefined;
  private readonly service: TcpService;
  private readonly client: OwnedFd;
  private target: OwnedFd | undefined = undefined;
  private ends: Ends | undefined = undefined;
  /** Counted by this name among the clients. */
  private countedAs: string | undefined = undefined;
  private key = 0;
  private received: Uint8Array = NOTHING;
  private tried: number[] = [];
  private triedOf = 0;
  private failures = 0;
  private pending: Pending | undefined = undefined;
  private timer: NodeJS.Timeout | undefined = undefined;
  private over = false;

  constructor(service: TcpService, client: OwnedFd) {
    this.service = service;
    this.client = client;
  }

  // --- who it is ---------------------------------------------------------------------------------

  begin(): void {
    const { config, loop } = this.service;
    if (!config.acceptProxy) {
      this.admit();
      return;
    }
    this.pending = readHeader(loop, this.client, config.headerTimeoutMs, (header, rest) => {
      this.pending = undefined;
      if (this.over) this.finish();
      else if (header === undefined) this.fail('malformed');
      else {
        this.received = rest;
        this.ends = header.ends;
        this.admit();
      }
    });
  }

  private admit(): void {
    const { config, shared } = this.service;
    const { policy, sendProxy, maxPerClient, place } = config;
    const counted = maxPerClient < NO_LIMIT;
    if (counted || policy === 'maglev' || sendProxy !== undefined) {
      try {
        this.ends ??= this.ownEnds();
      } catch {
        // It is gone again.
        this.fail('broken');
        return;
      }
      const { host } = this.ends.source;
      if (policy === 'maglev') this.key = hashOf(host);
      if (counted && !shared.clients.enter(host, place, maxPerClient)) {
        this.refuse();
        return;
      }
      if (counted) this.countedAs = host;
    }
    this.connect();
  }

  private ownEnds(): Ends {
    return {
      source: unmapped(peerAddressOf(this.client) as InternetAddress),
      target: unmapped(addressOf(this.client) as InternetAddress),
    };
  }

  // --- its backend -------------------------------------------------------------------------------

  private connect(): void {
    const { pool, loop, config } = this.service;
    if (this.triedOf !== pool.version) {
      this.triedOf = pool.version;
      this.tried = [];
    }
    const backend = pool.take(this.key, this.tried);
    if (backend === undefined) {
      this.refuse();
      return;
    }
    this.backend = backend;
    try {
      this.target = openSocket(backend.address);
    } catch {
      this.connected(-1);
      return;
    }
    this.pending = loop.connect(this.target, backend.address, (result) => this.connected(result));
    this.timer = setTimeout(() => this.pending?.cancel(), config.connectTimeoutMs);
  }

  private connected(result: number): void {
    clearTimeout(this.timer);
    this.pending = undefined;
    const backend = this.backend as Backend;
    if (this.over) this.finish();
    else if (result >= 0) this.pass(this.target as OwnedFd, backend);
    else {
      this.target?.close();
      this.leaveBackend();
      this.service.shared.row.count(backend.place, 'failed');
      this.tried.push(backend.index);
      if (this.failures++ < this.service.config.retries) this.connect();
      else this.refuse();
    }
  }

  private leaveBackend(): void {
    if (this.backend === undefined) return;
    this.service.shared.row.leave(this.backend.place);
    this.backend = undefined;
  }

  // --- its bytes ---------------------------------------------------------------------------------

  private pass(target: OwnedFd, backend: Backend): void {
    const { config, loop, shared } = this.service;
    setSocketOption(target, 'noDelay', true);
    shared.row.count(backend.place, 'connections');
    const aToB = this.firstBytes();
    const options = { idleTimeoutMs: config.idleTimeoutMs, backend: loop };
    proxy(this.client, target, aToB === undefined ? options : { ...options, first: { aToB } }).then(
      (counts) => this.passed(counts),
      (error: ProxyError) => {
        this.count('broken');
        this.passed(error);
      },
    );
  }

  private firstBytes(): Uint8Array | undefined {
    const { sendProxy } = this.service.config;
    if (sendProxy === undefined) return this.received.length === 0 ? undefined : this.received;
    return Buffer.concat([headerOf(sendProxy, this.ends as Ends), this.received]);
  }

  private passed({ aToB, bToA }: ProxyCounts): void {
    const { row } = this.service.shared;
    const { place } = this.backend as Backend;
    row.count(place, 'bytesIn', aToB);
    row.count(place, 'bytesOut', bToA);
    this.finish();
  }

  // --- its end -----------------------------------------------------------------------------------

  private count(counter: Counter): void {
    const { shared, config } = this.service;
    shared.row.count(this.backend?.place ?? config.place, counter);
  }

  refuse(): void {
    this.fail('refused');
  }

  private fail(counter: Counter): void {
    this.count(counter);
    // Whoever is refused sees it at once.
    if (!this.client.closed) setLinger(this.client, 0);
    this.finish();
  }

  /** Ends it, whatever it does. */
  end(): void {
    this.over = true;
    if (this.pending !== undefined) this.pending.cancel();
    else {
      // Which ends what passes between them.
      this.client.close();
      this.target?.close();
    }
  }

  private finish(): void {
    const { shared, config } = this.service;
    this.over = true;
    this.client.close();
    this.target?.close();
    this.leaveBackend();
    if (this.countedAs !== undefined) shared.clients.leave(this.countedAs, config.place);
    this.service.left(this);
  }
}
