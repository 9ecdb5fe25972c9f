/** Whose rights a kernel thread that submits has: those of the process when the ring was made. */
import { SYS_getegid, SYS_geteuid } from '../abi.js';
import { native } from '../native.js';

/** The process has given up rights, or taken others, that the ring's kernel thread still has. */
export class CredentialsError extends Error {
  readonly code = 'ERR_NEARMETAL_CREDENTIALS';
  readonly hint = 'close the ring and open another one, after setuid and setgid';

  constructor() {
    super('the kernel thread of this ring (sqpoll) keeps the rights of another user or group');
    this.name = 'CredentialsError';
  }
}

function user(): number {
  return native.syscall(SYS_geteuid);
}

function group(): number {
  return native.syscall(SYS_getegid);
}

/**
 * Effective user and group when the ring was made. They are asked for before each batch goes to the
 * kernel thread, which costs less than an operation does. Other groups and capabilities, dropped
 * without a change of these two, are not noticed.
 */
export class Credentials {
  readonly #user = user();
  readonly #group = group();
  #changed = false;

  /** True once, when they are found to be different. */
  changed(): boolean {
    if (this.#changed) return false;
    this.#changed = user() !== this.#user || group() !== this.#group;
    return this.#changed;
  }

  /** Throws when they were found to be different: nothing may begin any more. */
  require(): void {
    if (this.#changed) throw new CredentialsError();
  }
}
