/** One connection: from bytes to requests, which are answered one after the other. */
import type { Peer } from './peer.js';
import { HEAD_MAX, Refusal, type Request, readRequest } from './request.js';

/** Answers requests, at once or later. */
export interface Answers {
  answer(session: Session, request: Request): Promise<void> | undefined;
  /** What is no request, or takes too long. */
  refuse(session: Session, status: number): void;
}

export class Session {
  readonly peer: Peer;
  /** The answer that is being made is the last one. */
  last = false;
  private readonly answers: Answers;
  /** Of requests that have not been answered. */
  private text = '';
  /** An answer takes its time. */
  private busy = false;
  /** The peer does not read what it is sent. */
  private full = false;
  private paused = false;
  /** The peer asks no more. */
  private asksNoMore = false;
  /** We have ended our side. */
  private ended = false;
  /** Since when it has been as it is, and what the peer had taken then. */
  private since = performance.now();
  private progress = 0;

  constructor(peer: Peer, answers: Answers) {
    this.peer = peer;
    this.answers = answers;
  }

  /** Each byte is a letter. */
  receive(text: string): void {
    if (this.ended) return;
    const began = this.text !== '';
    this.text = began ? this.text + text : text;
    this.goOn(began);
  }

  /** @param began the first request had come in part before */
  private goOn(began: boolean): void {
    const { text } = this;
    let from = 0;
    let answered = false;
    while (from < text.length && !this.busy && !this.full && !this.ended) {
      // Empty lines before a request are allowed.
      const first = text.charCodeAt(from);
      if (first === 13 || first === 10) {
        from++;
        continue;
      }
      const request = readRequest(text, from);
      if (request === undefined) break;
      if (request instanceof Refusal) this.refuse(request.status);
      else {
        from = request.end;
        answered = true;
        this.begin(request);
      }
    }
    this.text = this.ended ? '' : text.slice(from);
    if (answered || (this.text !== '' && !began)) this.since = performance.now();
    if (this.asksNoMore && !this.busy && !this.full) this.end();
    else this.listen();
  }

  /** Who sends on before it is answered is not listened to for now. */
  private listen(): void {
    const pause = (this.busy || this.full) && this.text.length > HEAD_MAX;
    if (pause === this.paused) return;
    this.paused = pause;
    if (pause) this.peer.pause();
    else this.peer.resume();
  }

  private begin(request: Request): void {
    if (!request.keepAlive) this.last = true;
    const answering = this.answers.answer(this, request);
    if (answering === undefined) {
      if (this.last) this.end();
      return;
    }
    this.busy = true;
    answering.then(
      () => {
        this.busy = false;
        this.since = performance.now();
        if (this.last) this.end();
        else this.goOn(false);
      },
      // What was begun cannot be finished.
      () => this.peer.reset(),
    );
  }

  private refuse(status: number): void {
    this.last = true;
    this.answers.refuse(this, status);
    this.end();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.text = '';
    this.since = performance.now();
    this.peer.end();
  }

  write(bytes: Uint8Array | string): void {
    if (!this.peer.write(bytes)) this.full = true;
  }

  /** The peer has taken all that was written. */
  drained(): void {
    if (!this.full) return;
    this.full = false;
    if (!this.busy) this.goOn(true);
  }

  /** What the peer has asked for it still gets. */
  peerEnded(): void {
    this.asksNoMore = true;
    if (!this.busy && !this.full) this.end();
  }

  /** The server is to finish. */
  stop(): void {
    this.last = true;
    if (!this.busy) this.end();
  }

  closed(): void {
    this.ended = true;
  }

  /** Now and then: peers that have dawdled for `idleMs`. */
  check(now: number, idleMs: number): void {
    const { progress } = this.peer;
    if (progress !== this.progress) {
      this.progress = progress;
      if (this.busy || this.full || this.ended) this.since = now;
    }
    if (now - this.since <= idleMs) return;
    if (this.busy || this.full) this.peer.reset();
    else if (this.ended) this.peer.close();
    else if (this.text !== '') this.refuse(408);
    else this.end();
  }
}
