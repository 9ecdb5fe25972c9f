/** Answers, written one behind the other; they go together when the batch is done. */
import { copyBytes, writeInteger, writeLatin1 } from '../store/bytes.js';
import { doubleText } from './numbers.js';

const CAPACITY = 64 * 1024;
const CR = 0x0d;
const LF = 0x0a;
const DIGITS = 24;

const SIMPLE = 0x2b;
const ERROR = 0x2d;
const INTEGER = 0x3a;
const BULK = 0x24;
const ARRAY = 0x2a;
const DOUBLE = 0x2c;
const BOOLEAN = 0x23;
const MAP = 0x25;
const SET = 0x7e;
const PUSH = 0x3e;

const OK = Buffer.from('+OK\r\n');
const NO_BULK = Buffer.from('$-1\r\n');
const NO_ARRAY = Buffer.from('*-1\r\n');
const NO_VALUE = Buffer.from('_\r\n');

export type Protocol = 2 | 3;

/** Where full buffers go. */
export interface Output {
  write(bytes: Uint8Array): void;
}

export class Reply {
  /** Of the connection that is being answered. */
  protocol: Protocol = 2;
  output: Output | undefined = undefined;
  private readonly bytes = Buffer.allocUnsafeSlow(CAPACITY);
  private at = 0;

  flush(): void {
    if (this.at === 0) return;
    const { at } = this;
    this.at = 0;
    this.output?.write(this.bytes.subarray(0, at));
  }

  /** What was written and not flushed is dropped. */
  drop(): void {
    this.at = 0;
  }

  private need(length: number): void {
    if (this.at + length > CAPACITY) this.flush();
  }

  /** Bytes that are an answer already. */
  raw(source: Uint8Array, start = 0, length = source.length): void {
    this.need(length);
    if (length > CAPACITY) this.output?.write(source.subarray(start, start + length));
    else {
      copyBytes(source, start, length, this.bytes, this.at);
      this.at += length;
    }
  }

  private line(): void {
    this.bytes[this.at] = CR;
    this.bytes[this.at + 1] = LF;
    this.at += 2;
  }

  private head(type: number, value: number): void {
    this.need(DIGITS + 3);
    const { bytes } = this;
    bytes[this.at++] = type;
    if (value >= 0 && value < 10) bytes[this.at++] = 0x30 + value;
    else this.at = writeInteger(value, bytes, this.at);
    this.line();
  }

  private textLine(type: number, text: string): void {
    this.need(text.length + 3);
    this.bytes[this.at++] = type;
    this.at += this.bytes.write(text, this.at, 'latin1');
    this.line();
  }

  ok(): void {
    this.raw(OK);
  }

  simple(text: string): void {
    this.textLine(SIMPLE, text);
  }

  error(text: string): void {
    this.textLine(ERROR, text.replace(/[\r\n]/g, ' ').slice(0, 1024));
  }

  integer(value: number): void {
    this.head(INTEGER, value);
  }

  bigInteger(value: bigint): void {
    this.textLine(INTEGER, String(value));
  }

  bulk(source: Uint8Array, start: number, length: number): void {
    this.head(BULK, length);
    this.raw(source, start, length);
    this.need(2);
    this.line();
  }

  /** A text of which each character is one byte. */
  text(text: string): void {
    const { length } = text;
    this.head(BULK, length);
    if (length + 2 > CAPACITY) this.raw(Buffer.from(text, 'latin1'));
    else {
      this.need(length + 2);
      writeLatin1(text, this.bytes, this.at);
      this.at += length;
    }
    this.need(2);
    this.line();
  }

  textOrNull(text: string | undefined): void {
    if (text === undefined) this.null();
    else this.text(text);
  }

  null(): void {
    this.raw(this.protocol === 3 ? NO_VALUE : NO_BULK);
  }

  nullArray(): void {
    this.raw(this.protocol === 3 ? NO_VALUE : NO_ARRAY);
  }

  array(count: number): void {
    this.head(ARRAY, count);
  }

  texts(texts: readonly string[]): void {
    this.array(texts.length);
    for (const text of texts) this.text(text);
  }

  /** `count` names, a value behind each. */
  map(count: number): void {
    if (this.protocol === 3) this.head(MAP, count);
    else this.head(ARRAY, count * 2);
  }

  set(count: number): void {
    this.head(this.protocol === 3 ? SET : ARRAY, count);
  }

  push(count: number): void {
    this.head(this.protocol === 3 ? PUSH : ARRAY, count);
  }

  double(value: number): void {
    if (this.protocol === 3) this.textLine(DOUBLE, doubleText(value));
    else this.text(doubleText(value));
  }

  boolean(value: boolean): void {
    if (this.protocol === 3) this.textLine(BOOLEAN, value ? 't' : 'f');
    else this.integer(value ? 1 : 0);
  }
}
