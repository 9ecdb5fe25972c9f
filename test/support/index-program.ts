/** The index among the examples as a program, and what asks it line by line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { waitFor } from './cache.js';

const program = fileURLToPath(new URL('../../.dev/examples/index/main.js', import.meta.url));

export interface IndexProgram {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string }>;
}

export function runIndex(...words: string[]): IndexProgram & { said(): string } {
  const child = spawn(process.execPath, [program, ...words]);
  let running = true;
  child.on('close', () => {
    running = false;
  });
  onTestFinished(() => void (running && child.kill('SIGKILL')));
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (part) => {
    stdout += part;
  });
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close').then(([code]) => ({ code, stdout, stderr }));
  return { child, ended, said: () => stdout };
}

/** With small memory of small pages, on a port of its own. */
export async function serveIndex(directory: string, ...words: string[]) {
  const memory = ['--memory', '32mb', '--page-size', '4KiB'];
  const running = runIndex('serve', '--directory', directory, '--port', '0', ...memory, ...words);
  const failed = running.ended.then(({ stderr }) => {
    throw new Error(stderr);
  });
  failed.catch(() => undefined);
  await Promise.race([waitFor(() => running.said().split('\n').length > 2), failed]);
  const port = Number(/:(\d+)\n/.exec(running.said())?.[1]);
  return { ...running, port, open: () => LineClient.open(port) };
}

/** Sends lines, and gets the lines that come. */
export class LineClient {
  readonly socket: Socket;
  private text = '';
  private wake: () => void = () => undefined;
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket.setEncoding('latin1');
    socket.on('error', () => undefined);
    socket.on('data', (part) => {
      this.text += part;
      this.wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
  }

  static async open(port: number): Promise<LineClient> {
    const client = new LineClient(connect(port, '127.0.0.1'));
    onTestFinished(() => void client.socket.destroy());
    await once(client.socket, 'connect');
    return client;
  }

  /** The next line; undefined when there is none any more. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.text.indexOf('\n');
      if (end >= 0) {
        const line = this.text.slice(0, end);
        this.text = this.text.slice(end + 1);
        return line;
      }
      if (this.closed) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Sends lines, and answers one line for each. */
  async ask(...lines: string[]): Promise<(string | undefined)[]> {
    this.socket.write(`${lines.join('\n')}\n`, 'latin1');
    const answers: (string | undefined)[] = [];
    for (const _ of lines) answers.push(await this.line());
    return answers;
  }

  /** Sends a line that is answered by several, up to the one that counts them. */
  async list(line: string): Promise<(string | undefined)[]> {
    const answers = await this.ask(line);
    while (answers.at(-1) !== undefined && !/^(end|error) /.test(answers.at(-1) as string)) {
      answers.push(await this.line());
    }
    return answers;
  }
}
