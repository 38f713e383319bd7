import { protocolViolation } from '../../kernel/failure.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** What Describe and Close are about. */
export type DescribeOrClose = {
  readonly type: 'Describe' | 'Close';
  readonly target: 'Statement' | 'Portal';
  readonly name: string;
};

const TARGETS: ReadonlyMap<number, 'Statement' | 'Portal'> = new Map([
  ['S'.charCodeAt(0), 'Statement'],
  ['P'.charCodeAt(0), 'Portal'],
] as const);

export const decodeDescribeOrClose = (type: 'Describe' | 'Close', body: Buffer): DescribeOrClose => {
  const reader = new ByteReader(body, protocolViolation);
  const letter = reader.uint8();
  const target = TARGETS.get(letter);
  if (target === undefined) {
    throw protocolViolation(`invalid ${type.toUpperCase()} message subtype ${letter}`);
  }
  const name = reader.string();
  reader.end();
  return { type, target, name };
};

const encode = (type: 'C' | 'D', target: 'Statement' | 'Portal', name: string): Buffer =>
  new ByteWriter()
    .uint8((target === 'Statement' ? 'S' : 'P').charCodeAt(0))
    .string(name)
    .message(type);

export const encodeDescribe = (target: 'Statement' | 'Portal', name: string): Buffer => encode('D', target, name);

export const encodeClose = (target: 'Statement' | 'Portal', name: string): Buffer => encode('C', target, name);

export const encodeNoData = (): Buffer => new ByteWriter().message('n');
