/**
 * What `nearmetal/http` exports: node:http, with servers and agents whose connections are ours.
 */
export * from 'node:http';
export { Agent, type AgentOptions, get, globalAgent, request } from './agent.js';
export {
  entityTag,
  type FileAnswer,
  type FileAnswerOptions,
  type FilePart,
  type FileRequest,
  type FileStats,
  fileAnswer,
} from './file-answer.js';
export { mediaType } from './media-types.js';
export { type SendFileOptions, type SentFile, sendFile } from './send-file.js';
export { createServer, Server, type ServerOptions } from './server.js';
