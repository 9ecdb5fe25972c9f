/** A headless Chromium, told what to do by its DevTools protocol: one page at a time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** All processes of the group that it leads. */
function kill({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // They have ended.
  }
}

export class Chromium {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #session: string | undefined;
  #last = 0;
  /** Errors that the page has logged or thrown, and what it has asked for beside itself. */
  readonly complaints: string[] = [];
  #onLoad: () => void = () => {};

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.on('message', (data) => this.#hear(JSON.parse(String(data)) as Answer));
  }

  static async start(program = 'chromium'): Promise<Chromium> {
    const profile = mkdtempSync(join(tmpdir(), 'nearmetal-chromium-'));
    const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'];
    const own = ['--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'];
    const child = spawn(program, [...options, ...own], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    process.once('exit', () => kill(child));
    const address = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stderr?.on('data', (text) => {
        said += text;
        const [, found] = /DevTools listening on (ws:\S+)/.exec(said) ?? [];
        if (found !== undefined) resolve(found);
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`${program} ended with ${code}: ${said}`)));
    });
    const socket = new WebSocket(address);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const browser = new Chromium(child, profile, socket);
    const { targetId } = await browser.tell('Target.createTarget', { url: 'about:blank' });
    const attached = await browser.tell('Target.attachToTarget', { targetId, flatten: true });
    browser.#session = attached['sessionId'] as string;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) {
      await browser.tell(`${domain}.enable`);
    }
    return browser;
  }

  tell(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    const session = this.#session === undefined ? {} : { sessionId: this.#session };
    this.#socket.send(JSON.stringify({ id, method, params, ...session }));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (error === undefined) resolve(result ?? {});
        else reject(new Error(`${method}: ${error.message}`));
      });
    });
  }

  #hear(answer: Answer): void {
    if (answer.id !== undefined) {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
      return;
    }
    const { method, params = {} } = answer;
    const shown = JSON.stringify(params).slice(0, 500);
    if (method === 'Page.loadEventFired') this.#onLoad();
    if (method === 'Runtime.exceptionThrown') this.complaints.push(`thrown: ${shown}`);
    if (method === 'Runtime.consoleAPICalled') this.complaints.push(`logged: ${shown}`);
    if (method === 'Log.entryAdded') this.complaints.push(`entry: ${shown}`);
    if (method === 'Network.requestWillBeSent') {
      const { url } = params['request'] as { url: string };
      if (!url.startsWith('file:') && !url.startsWith('data:'))
        this.complaints.push(`asked: ${url}`);
    }
  }

  /** Opens `url` as a screen of that width sees it, in that colour scheme and medium. */
  async open(url: string, look: { width: number; scheme: string; medium?: string }): Promise<void> {
    const { width, scheme, medium = 'screen' } = look;
    const mobile = width < 600;
    const size = { width, height: mobile ? 844 : 900, deviceScaleFactor: mobile ? 2 : 1, mobile };
    await this.tell('Emulation.setDeviceMetricsOverride', size);
    await this.tell('Emulation.setEmulatedMedia', {
      media: medium,
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    });
    const loaded = new Promise<void>((resolve) => {
      this.#onLoad = resolve;
    });
    await this.tell('Page.navigate', { url });
    await loaded;
  }

  /** What an expression in the page gives, as JSON has it. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const answer = await this.tell('Runtime.evaluate', { expression, returnByValue: true });
    const details = answer['exceptionDetails'];
    if (details !== undefined) throw new Error(JSON.stringify(details).slice(0, 1000));
    return (answer['result'] as { value: Value }).value;
  }

  /** The picture of the page down to `height`, as PNG. */
  async screenshot(width: number, height: number): Promise<Buffer> {
    const clip = { x: 0, y: 0, width, height, scale: 1 };
    const options = { format: 'png', captureBeyondViewport: true, clip };
    const { data } = await this.tell('Page.captureScreenshot', options);
    return Buffer.from(data as string, 'base64');
  }

  /** Ends it with all that it has started, which would go on writing to its profile. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#socket.close();
    kill(this.#process);
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20 });
  }
}
