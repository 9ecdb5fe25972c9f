/** A peer that this machine does not have: named in the report, never a failure and never silence. */
export class MissingPeer extends Error {
  override readonly name = 'MissingPeer';
}
