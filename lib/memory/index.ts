/** What `nearmetal/memory` exports. */
export { Mapping, type MappingOptions } from './mapping.js';
