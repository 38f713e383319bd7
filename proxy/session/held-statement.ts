/**
 * A statement of which only its end tells whether it may stand: what of the protocol is peculiar to it.
 * INVARIANT: from its Execute until its end is judged, nothing is sent that could commit it.
 */
import type { ControlMessage } from '../upstream/control-message.ts';
import { encodeBind } from '../wire/bind.ts';
import { encodeDescribe } from '../wire/describe-close.ts';
import { encodeExecute } from '../wire/execute.ts';
import { BACKEND } from '../wire/message-type.ts';
import { encodeParse } from '../wire/parse.ts';
import type { Span } from '../wire/span.ts';
import type { Expectation, Expectations } from './expectations.ts';
import type { Held } from './running-statement.ts';

export const newlyHeld = (): Held => ({ copyIn: false, end: undefined, synced: false });

/** A simple Query of one statement as the extended protocol has it, but for the Sync, which commits it. */
export const encodeHeldQuery = (sql: string): Buffer =>
  Buffer.concat([
    encodeParse('', sql, []),
    encodeBind({ portal: '', statement: '', parameterFormats: [], parameters: [], resultFormats: [] }),
    encodeDescribe('Portal', ''),
    encodeExecute('', 0),
  ]);

type Server = { readonly expectations: Expectations; readonly control: (message: ControlMessage) => void };

/** Deals with an answer to such a statement. False: it goes on as that to any other. */
export const answerHeld = (
  held: Held,
  expectation: Expectation,
  { type, raw }: { readonly type: number; readonly raw: Span },
  to: Server,
): boolean => {
  const { running, sent } = expectation;
  const isQuery = sent === 'HeldQuery';
  switch (type) {
    case BACKEND.copyInResponse:
      held.copyIn = true;
      return false;
    case BACKEND.parseComplete:
    case BACKEND.bindComplete:
    case BACKEND.noData:
      return isQuery;
    case BACKEND.commandComplete:
    case BACKEND.emptyQueryResponse:
      held.copyIn = false;
      if (running?.stopped !== undefined) {
        if (!isQuery) {
          to.expectations.push({ ...expectation, sent: 'Parse' });
        }
        to.control({ type: 'PoisonParse' });
        return true;
      }
      if (isQuery) {
        held.end = Buffer.from(raw.view());
        endHeld(held, expectation, to);
      }
      return isQuery;
    default:
      return false;
  }
};

/** It has come to its end, well or not: a Query has its transaction ended, too. */
export const endHeld = (held: Held, { sent }: Expectation, { control }: Pick<Server, 'control'>): void => {
  held.copyIn = false;
  if (sent === 'HeldQuery' && !held.synced) {
    held.synced = true;
    control({ type: 'Sync' });
  }
};
