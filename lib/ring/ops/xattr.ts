/** Extended attributes of files: named bytes beside the contents. */
import {
  IORING_OP_FGETXATTR,
  IORING_OP_FSETXATTR,
  IORING_OP_GETXATTR,
  IORING_OP_SETXATTR,
  XATTR_CREATE,
  XATTR_REPLACE,
} from '../../abi.js';
import { type DirectFd, descriptor, type FdLike } from '../../fd/fd.js';
import { bytesView, integer, invalidType, invalidValue } from '../../validate.js';
import { asBytes, type CommonOptions, kind, nothing, Operation } from '../operation.js';
import { highWord } from '../sqe.js';
import type { Block } from '../staging.js';
import { flagBits } from './flags.js';
import { type PathLike, pathBytes, shownPath } from './path.js';

const get = (
  _result: number,
  _flags: number,
  _operation: unknown,
  block: Block | undefined,
): Uint8Array => (block as Block).bytes.slice(0, _result);

const GETXATTR = kind<Uint8Array>({
  name: 'getxattr',
  code: IORING_OP_GETXATTR,
  since: '5.19',
  inWorker: true,
  decode: get,
});
const FGETXATTR = kind<Uint8Array>({
  name: 'fgetxattr',
  code: IORING_OP_FGETXATTR,
  since: '5.19',
  inWorker: true,
  decode: get,
});
const SETXATTR = kind<void>({
  name: 'setxattr',
  code: IORING_OP_SETXATTR,
  since: '5.19',
  inWorker: true,
  decode: nothing,
});
const FSETXATTR = kind<void>({
  name: 'fsetxattr',
  code: IORING_OP_FSETXATTR,
  since: '5.19',
  inWorker: true,
  decode: nothing,
});

/** XATTR_NAME_MAX and XATTR_SIZE_MAX: the most that the kernel takes of either. */
const NAME_BYTES_MAX = 255;
const VALUE_BYTES_MAX = 65_536;

const FLAGS = { create: XATTR_CREATE, replace: XATTR_REPLACE } as const;

export interface GetxattrOptions extends CommonOptions {
  /** The longest value that is wanted, in bytes. Default 65536, the longest there can be. */
  sizeMax?: number;
}

export interface SetxattrOptions extends CommonOptions {
  /** XATTR_CREATE: fail when the attribute is there already. Default false. */
  create?: boolean;
  /** XATTR_REPLACE: fail when it is not there yet. Default false. */
  replace?: boolean;
}

/**
 * The value of attribute `name` ('user.mime_type') of a path.
 *
 * @errno ENODATA it has no such attribute @errno ERANGE the value is longer than `sizeMax`
 * @errno EOPNOTSUPP the file system has none
 * @kernel 5.19 IORING_OP_GETXATTR
 * @man getxattr(2)
 */
export function getxattr(
  path: PathLike,
  name: string,
  options: GetxattrOptions = {},
): Operation<Uint8Array> {
  const bytes = pathBytes('path', path);
  const operation = new Operation(GETXATTR);
  operation.about = { path: shownPath(path) };
  return forGet(operation, name, options, bytes);
}

/**
 * The value of attribute `name` of an open file.
 *
 * @errno ENODATA it has no such attribute @errno ERANGE the value is longer than `sizeMax`
 * @errno EOPNOTSUPP the file system has none
 * @kernel 5.19 IORING_OP_FGETXATTR
 * @man fgetxattr(2)
 */
export function fgetxattr(
  fd: FdLike | DirectFd,
  name: string,
  options: GetxattrOptions = {},
): Operation<Uint8Array> {
  return forGet(new Operation(FGETXATTR, descriptor('fd', fd)), name, options);
}

/**
 * Gives attribute `name` of a path the bytes `value`, which are copied at once.
 *
 * @errno EEXIST `create`, and it is there @errno ENODATA `replace`, and it is not
 * @errno ENOSPC no room for it @errno EOPNOTSUPP the file system has none
 * @kernel 5.19 IORING_OP_SETXATTR
 * @man setxattr(2)
 */
export function setxattr(
  path: PathLike,
  name: string,
  value: ArrayBufferView,
  options: SetxattrOptions = {},
): Operation<void> {
  const bytes = pathBytes('path', path);
  const operation = new Operation(SETXATTR);
  operation.about = { path: shownPath(path) };
  return forSet(operation, name, value, options, bytes);
}

/**
 * Gives attribute `name` of an open file the bytes `value`, which are copied at once.
 *
 * @errno EEXIST `create`, and it is there @errno ENODATA `replace`, and it is not
 * @errno ENOSPC no room for it @errno EOPNOTSUPP the file system has none
 * @kernel 5.19 IORING_OP_FSETXATTR
 * @man fsetxattr(2)
 */
export function fsetxattr(
  fd: FdLike | DirectFd,
  name: string,
  value: ArrayBufferView,
  options: SetxattrOptions = {},
): Operation<void> {
  return forSet(new Operation(FSETXATTR, descriptor('fd', fd)), name, value, options);
}

const NO_PATH = new Uint8Array(0);

function forGet(
  operation: Operation<Uint8Array>,
  name: string,
  options: GetxattrOptions,
  path: Uint8Array = NO_PATH,
): Operation<Uint8Array> {
  operation.common(options, 'sizeMax');
  const size = integer('sizeMax', options.sizeMax ?? VALUE_BYTES_MAX, 1, VALUE_BYTES_MAX);
  return withValue(operation, nameBytes(name), path, size);
}

function forSet(
  operation: Operation<void>,
  name: string,
  value: ArrayBufferView,
  options: SetxattrOptions,
  path: Uint8Array = NO_PATH,
): Operation<void> {
  operation.common(options, ...Object.keys(FLAGS));
  operation.operationFlags = flagBits(FLAGS, options);
  const bytes = asBytes(bytesView('value', value)).slice();
  if (bytes.length > VALUE_BYTES_MAX) {
    throw invalidValue('value', `must be at most ${VALUE_BYTES_MAX} bytes`, value);
  }
  return withValue(operation, nameBytes(name), path, bytes.length, bytes);
}

function nameBytes(name: unknown): Uint8Array {
  if (typeof name !== 'string') throw invalidType('name', 'a string', name);
  const bytes = Buffer.from(`${name}\0`);
  if (bytes.indexOf(0) < bytes.length - 1) {
    throw invalidValue('name', 'must be without null bytes', name);
  }
  if (bytes.length < 2 || bytes.length > NAME_BYTES_MAX + 1) {
    throw invalidValue('name', `must be 1 to ${NAME_BYTES_MAX} bytes long`, name);
  }
  return bytes;
}

/** The value comes first, then the name and, of those that have one, the path. */
function withValue<Result>(
  operation: Operation<Result>,
  name: Uint8Array,
  path: Uint8Array,
  size: number,
  value?: Uint8Array,
): Operation<Result> {
  operation.length = size;
  return operation.arguments(size + name.length + path.length, (self, block) => {
    if (value !== undefined) block.bytes.set(value);
    block.bytes.set(name, size);
    block.bytes.set(path, size + name.length);
    self.offsetLow = block.addressLow;
    self.offsetHigh = block.addressHigh;
    const nameLow = (block.addressLow >>> 0) + size;
    self.addressLow = nameLow | 0;
    self.addressHigh = block.addressHigh + highWord(nameLow);
    if (path.length === 0) return;
    const pathLow = nameLow + name.length;
    self.address3Low = pathLow | 0;
    self.address3High = block.addressHigh + highWord(pathLow);
  });
}
