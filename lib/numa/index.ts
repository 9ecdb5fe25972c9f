/** What `nearmetal/numa` exports. */
export { allocateOnNode } from './allocate.js';
export {
  type BindOptions,
  bind,
  type MoveOptions,
  type MoveResult,
  migratePages,
  movePages,
  nodeAt,
  policyOf,
  setHomeNode,
  whereIs,
} from './bind.js';
export { distance, localTo, type NumaNode, nodes } from './nodes.js';
export {
  allowedNodes,
  getPolicy,
  type MemoryPolicy,
  type PolicyMode,
  setPolicy,
} from './policy.js';
export { setWeight, weights } from './weights.js';
