/**
 * What detectors have to do with a session: which answers describe a result, which rows go on, and what is told of the server's words.
 */
import { Failure, upstreamProtocolViolation } from '../../kernel/failure.ts';
import type { Detectors } from '../detect/detectors.ts';
import { type Inspected, Inspection } from '../detect/inspection.ts';
import { decodeRowDescription } from '../detect/result-columns.ts';
import type { ResponseFields } from '../wire/error-response.ts';
import { FIELD_LIMIT } from '../wire/long-fields.ts';
import { BACKEND } from '../wire/message-type.ts';
import { bodyOf } from '../wire/server-frames.ts';
import { Span } from '../wire/span.ts';
import type { Expectation } from './expectations.ts';
import type { RunningStatement } from './running-statement.ts';

/** Notes what the server says of a result that is to be looked into. */
export const takeDescription = ({ running, shape }: Expectation, type: number, raw: Span): void => {
  if (type === BACKEND.rowDescription) {
    running?.inspection?.describe(bodyOf(raw));
    if (shape !== undefined) {
      shape.columns = decodeRowDescription(bodyOf(raw), upstreamProtocolViolation);
    }
  } else if (type === BACKEND.copyOutResponse) {
    running?.inspection?.copyOut(bodyOf(raw));
  }
};

/** Rows as they arrived, or as they were put together. */
export type Rows = { readonly raw: Span; readonly rows: number; readonly begun: number };

/** What becomes of rows that were looked into. */
export type RowsTo = { readonly deliver: (whole: Span, rows: number) => void; readonly stop: () => void };

/** Looks into rows as they arrive: what may go on is delivered, and a find that ends the statement stops it. */
export const inspectRows = (running: RunningStatement, inspection: Inspection, raw: Span, { deliver, stop }: RowsTo): void => {
  const take = (messages: Buffer, { bytes, rows, failure }: Inspected): void => {
    if (running.stopped !== undefined) {
      return;
    }
    if (bytes > 0) {
      deliver(new Span(messages, 0, bytes), rows);
    }
    if (failure !== undefined && running.stopped === undefined) {
      running.stopped = failure;
      stop();
    }
  };
  if (running.stopped !== undefined) {
    return;
  }
  try {
    inspection.push(raw.view(), take);
  } catch (error) {
    if (!(error instanceof Failure) || error.fields.severity === 'FATAL') {
      throw error;
    }
    running.stopped = error;
    stop();
  }
};

/** Code, severity and places are ours or PostgreSQL's own words. */
const TEXTS = new Set(['M', 'D', 'H', 'W', 'q', 's', 't', 'c', 'd', 'n']);

/** In place of a text that was cut: what it ends with may be part of a value, which nobody recognises. */
const UNSEEN = 'the text is too long to be looked into';

/** The fields of an error or notice with what detectors hide; what is found counts to the statement that it is about. */
export const inspectedFields = (
  fields: ResponseFields,
  about: Expectation | undefined,
  place: 'error' | 'notice',
  detectors: Detectors | undefined,
): ResponseFields => {
  const inspection = about?.running?.inspection ?? (detectors === undefined ? undefined : new Inspection(detectors, { columns: [] }));
  if (inspection === undefined) {
    return fields;
  }
  const told = (text: string): string => (Buffer.byteLength(text) > FIELD_LIMIT ? UNSEEN : inspection.told(text, place));
  return new Map([...fields].map(([code, text]): [string, string] => [code, TEXTS.has(code) ? told(text) : text]));
};
