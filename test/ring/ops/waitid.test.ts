/** waitid: children that stop, go on and end. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asFd, OwnedFd, op } from 'nearmetal/ring';
import { expect, onTestFinished, test } from 'vitest';
import { PR_SET_CHILD_SUBREAPER, SYS_pidfd_open, SYS_prctl } from '../../../lib/abi.js';
import { native } from '../../../lib/native.js';
import { needs } from '../../support/needs.js';
import { expectRefusal, folder, later, openRing, RANGE, TYPE, VALUE } from '../../support/ring.js';

async function child(): Promise<ChildProcess & { pid: number }> {
  const started = spawn('sleep', ['600']);
  await once(started, 'spawn');
  onTestFinished(() => void started.kill('SIGKILL'));
  return started as ChildProcess & { pid: number };
}

/** A child of ours that Node knows nothing of: its parent has gone. */
function orphan(command: string): number {
  native.syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  onTestFinished(() => void native.syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));
  return Number(execFileSync('sh', ['-c', `(${command}) >/dev/null 2>&1 & echo $!`]));
}

test('tells of a stop and of going on', async () => {
  needs('op:WAITID');
  const ring = openRing();
  const { pid } = await child();
  const uid = process.getuid?.();
  const stopping = ring.waitid({ pid }, { exited: false, stopped: true });
  await ring.nop();
  process.kill(pid, 'SIGSTOP');
  expect(await stopping).toEqual({ pid, uid, code: 'stopped', status: 19 });
  const going = ring.waitid('all', { exited: false, continued: true });
  process.kill(pid, 'SIGCONT');
  expect(await going).toEqual({ pid, uid, code: 'continued', status: 18 });
});

test('tells how a child ended, once', async () => {
  needs('op:WAITID');
  const ring = openRing();
  const path = join(folder(), 'pipe');
  execFileSync('mkfifo', [path]);
  const pid = orphan(`read line <${path}; exit 7`);
  const ending = ring.waitid({ pid });
  await writeFile(path, 'now\n');
  expect(await ending).toMatchObject({ pid, code: 'exited', status: 7 });
  await expect(ring.waitid({ pid })).rejects.toMatchObject({
    code: 'ECHILD',
    syscall: 'io_uring:waitid',
  });
  const killed = orphan('exec sleep 600');
  const waiting = ring.waitid({ pid: killed });
  process.kill(killed, 'SIGKILL');
  expect(await waiting).toMatchObject({ pid: killed, code: 'killed', status: 9 });
});

test('by a descriptor of the process, and without taking it off the list', async () => {
  needs('op:WAITID');
  const ring = openRing();
  const pid = orphan('sleep 600');
  using pidfd = OwnedFd.adopt(native.syscall(SYS_pidfd_open, pid, 0));
  expect(await ring.waitid({ pidfd }, { noHang: true })).toBeUndefined();
  process.kill(pid, 'SIGTERM');
  const seen = { pid, uid: process.getuid?.(), code: 'killed', status: 15 };
  expect(await ring.waitid({ pidfd }, { noWait: true })).toEqual(seen);
  expect(await ring.waitid({ pidfd })).toEqual(seen);
  await expect(ring.waitid({ pidfd })).rejects.toMatchObject({ code: 'ECHILD', fd: pidfd.fd });
});

test('by process group', async () => {
  needs('op:WAITID');
  const ring = openRing();
  const started = spawn('sleep', ['600'], { detached: true });
  await once(started, 'spawn');
  onTestFinished(() => void started.kill('SIGKILL'));
  const pid = started.pid as number;
  const waiting = ring.waitid({ pgid: pid }, { exited: false, stopped: true });
  process.kill(pid, 'SIGSTOP');
  expect(await waiting).toMatchObject({ pid, code: 'stopped' });
});

test('can be given up', async () => {
  needs('op:WAITID');
  const ring = openRing();
  const { pid } = await child();
  const waiting = later(ring.waitid({ pid }, { timeoutMs: 5 }));
  await expect(waiting).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  expect(ring.stats.inFlight).toBe(0);
});

test('refuses wrong arguments by name', () => {
  expectRefusal(() => op.waitid(5 as never), TYPE, '"target"');
  expectRefusal(() => op.waitid({} as never), TYPE, '"target.pid"');
  expectRefusal(() => op.waitid({ pid: 0 }), RANGE, '"target.pid"');
  expectRefusal(() => op.waitid({ pgid: -1 }), RANGE, '"target.pgid"');
  expectRefusal(() => op.waitid({ pidfd: 3 as never }), TYPE, '"target.pidfd"');
  expectRefusal(() => op.waitid({ pid: 1, pgid: 1 } as never), VALUE, '"pgid"');
  expectRefusal(() => op.waitid({ pid: 1 }, { exited: false }), VALUE, '"exited"');
  expectRefusal(() => op.waitid({ pid: 1 }, { hang: false } as never), VALUE, '"hang"');
  expectRefusal(() => op.waitid({ pidfd: asFd(3) }, { noWait: 1 as never }), TYPE, '"noWait"');
});
