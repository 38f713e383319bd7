/**
 * The type bytes of protocol 3, both ways. Source: PostgreSQL's `src/include/libpq/protocol.h`.
 */
const code = (letter: string): number => letter.charCodeAt(0);

/** Messages that a client sends. */
export const FRONTEND = {
  bind: code('B'),
  close: code('C'),
  copyData: code('d'),
  copyDone: code('c'),
  copyFail: code('f'),
  describe: code('D'),
  execute: code('E'),
  flush: code('H'),
  functionCall: code('F'),
  parse: code('P'),
  /** PasswordMessage, SASLInitialResponse, SASLResponse: what it is depends on what was asked for. */
  password: code('p'),
  query: code('Q'),
  sync: code('S'),
  terminate: code('X'),
} as const;

/** Messages that the server sends. */
export const BACKEND = {
  authentication: code('R'),
  backendKeyData: code('K'),
  bindComplete: code('2'),
  closeComplete: code('3'),
  commandComplete: code('C'),
  copyBothResponse: code('W'),
  copyData: code('d'),
  copyDone: code('c'),
  copyInResponse: code('G'),
  copyOutResponse: code('H'),
  dataRow: code('D'),
  emptyQueryResponse: code('I'),
  errorResponse: code('E'),
  functionCallResponse: code('V'),
  negotiateProtocolVersion: code('v'),
  noData: code('n'),
  noticeResponse: code('N'),
  notificationResponse: code('A'),
  parameterDescription: code('t'),
  parameterStatus: code('S'),
  parseComplete: code('1'),
  portalSuspended: code('s'),
  readyForQuery: code('Z'),
  rowDescription: code('T'),
} as const;

/** `PQ_SMALL_MESSAGE_LIMIT` of `src/include/libpq/libpq.h`: for messages that carry no value of any size. */
export const SMALL_MESSAGE_LIMIT = 10_000;

/** Default for what PostgreSQL allows `PQ_LARGE_MESSAGE_LIMIT` (1 GB - 2): every such message is held in memory whole. */
export const LARGE_MESSAGE_LIMIT = 16 * 1024 * 1024;

/** Frontend types and whether PostgreSQL caps them small or large (`SocketBackend` of `src/backend/tcop/postgres.c`). */
export const FRONTEND_LIMITS: ReadonlyMap<number, 'Small' | 'Large'> = new Map([
  [FRONTEND.bind, 'Large'],
  [FRONTEND.close, 'Small'],
  [FRONTEND.copyData, 'Large'],
  [FRONTEND.copyDone, 'Small'],
  [FRONTEND.copyFail, 'Small'],
  [FRONTEND.describe, 'Small'],
  [FRONTEND.execute, 'Small'],
  [FRONTEND.flush, 'Small'],
  [FRONTEND.functionCall, 'Large'],
  [FRONTEND.parse, 'Large'],
  [FRONTEND.password, 'Small'],
  [FRONTEND.query, 'Large'],
  [FRONTEND.sync, 'Small'],
  [FRONTEND.terminate, 'Small'],
] as const);
