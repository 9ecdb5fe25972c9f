/** Commands by name, found from the bytes of a request without making a text of them. */
const SLOTS = 1024;
/** Makes a letter small; what is no letter is changed too, and then is no name. */
const SMALL = 0x20;

interface Named<Command> {
  readonly name: Uint8Array;
  readonly command: Command;
  next: Named<Command> | undefined;
}

export class CommandTable<Command extends { readonly name: string }> {
  readonly all: readonly Command[];
  private readonly slots: (Named<Command> | undefined)[] = new Array(SLOTS).fill(undefined);

  constructor(commands: readonly Command[]) {
    this.all = commands;
    for (const command of commands) {
      const name = Buffer.from(command.name);
      const slot = slotOf(name, 0, name.length);
      this.slots[slot] = { name, command, next: this.slots[slot] };
    }
  }

  find(source: Uint8Array, start: number, length: number): Command | undefined {
    let named = this.slots[slotOf(source, start, length)];
    for (; named !== undefined; named = named.next) {
      if (named.name.length === length && isName(named.name, source, start)) return named.command;
    }
    return undefined;
  }

  named(name: string): Command | undefined {
    const bytes = Buffer.from(name);
    return this.find(bytes, 0, bytes.length);
  }
}

function slotOf(source: Uint8Array, start: number, length: number): number {
  let hash = length;
  const end = start + Math.min(length, 24);
  for (let at = start; at < end; at++) {
    hash = (Math.imul(hash, 31) + ((source[at] as number) | SMALL)) | 0;
  }
  return (hash ^ (hash >>> 10)) & (SLOTS - 1);
}

function isName(name: Uint8Array, source: Uint8Array, start: number): boolean {
  for (let index = 0; index < name.length; index++) {
    if (((source[start + index] as number) | SMALL) !== name[index]) return false;
  }
  return true;
}
