/** One end of a channel of a group, in the thread that has it. */
import { asFd } from '../fd/fd.js';
import {
  CHANNEL_CAPACITY,
  Channel,
  type ChannelOpenOptions,
  type ChannelOptions,
} from '../shared/channel.js';
import { SharedError } from '../shared/errors.js';
import { SharedMemory } from '../shared/memory.js';
import { powerOfTwo } from '../shared/power-of-two.js';
import { onlyKeys } from '../validate.js';
import { WorkerError } from './errors.js';

/** Of a channel in its memory. */
export const NAME = 'channel';

/** Of a channel between two of a group. `capacity` counts where this end asks first. */
export interface ChannelToOptions extends ChannelOptions, ChannelOpenOptions {}

const CAPACITY_MAX = 2 ** 30;
/** The directory of the memory, and the words of the channel. */
const BESIDE = 2 ** 16;

/** Bytes of the memory of a channel. */
export function memoryFor({ capacity = CHANNEL_CAPACITY }: ChannelOptions): number {
  return 2 * capacity + BESIDE;
}

/** Checks the options; answers those that make a channel. */
export function planChannel(options: ChannelToOptions): ChannelOptions {
  onlyKeys('options', options, ['capacity', 'ring']);
  const { capacity } = options;
  if (capacity === undefined) return {};
  return { capacity: powerOfTwo('options.capacity', capacity, 64, CAPACITY_MAX) };
}

/** The channels that this thread has, to be closed when it exits. */
const open = new Set<Channel>();

/** Opens an end by the descriptor of its memory; `over` is called when it has been closed. */
export function openLine(fd: number, peer: number, options: ChannelToOptions, over: () => void) {
  const memory = SharedMemory.attach(asFd(fd));
  let channel: Channel;
  try {
    channel = Channel.open(memory, NAME, options.ring === undefined ? {} : { ring: options.ring });
  } catch (error) {
    memory.close();
    const taken = error instanceof SharedError && error.code === 'ERR_NEARMETAL_TAKEN';
    if (!taken) throw error;
    throw new WorkerError('ENDED', `worker ${peer} ended meanwhile`, { index: peer });
  }
  if (open.size === 0) process.once('exit', closeAll);
  open.add(channel);
  void channel.ended.then(() => {
    open.delete(channel);
    if (open.size === 0) process.off('exit', closeAll);
    memory.close();
    over();
  });
  return channel;
}

/** So that the others see an end, and not a death. */
function closeAll(): void {
  for (const channel of open) channel.close();
}
