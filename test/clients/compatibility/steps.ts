/**
 * What every client does, in this order.
 */

export const STEPS = [
  'connect',
  'introspect',
  'text',
  'binary',
  'batch',
  'stream',
  'cancel',
  'transact',
  'types',
  'prepared',
  'write',
  'refused',
  'masked',
] as const;

export type Step = (typeof STEPS)[number];

/** What each step tries, for who reads the table. */
export const STEP_DESCRIPTIONS: Readonly<Record<Step, string>> = {
  connect: 'logs in, and reads settings of the session',
  introspect: "the client's own ways to look at tables, columns, types, keys and indexes",
  text: 'queries with parameters, values in text format',
  binary: 'the same in binary format',
  batch: 'many statements at once: pipelines, batches, several statements in one text',
  stream: 'rows piece by piece: cursors, portals, COPY',
  cancel: 'the client cancels a statement that runs, and goes on',
  transact: 'commits, rolls back, fails in a transaction, goes on from a savepoint',
  types: 'values of each type, their extremes and NULL, there and back',
  prepared: 'a statement prepared once and run many times',
  write: 'creates, updates, upserts and deletes, with what comes back',
  refused: 'a statement that the policy refuses arrives with SQLSTATE and hint, and the session goes on',
  masked: 'masked columns show their masks, in text and in binary',
};

/** What came of a step: as without the airlock; or the client has no such thing; or what differs. */
export type Outcome = 'same' | { readonly none: string } | { readonly differs: string };

/** What a client's run came to: the file beside, in `results`. */
export type ClientResult = {
  readonly client: string;
  readonly version: string;
  readonly postgres: number;
  readonly steps: Readonly<Record<Step, Outcome>>;
};
