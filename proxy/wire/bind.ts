import { protocolViolation } from '../../kernel/failure.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';

/** 0 is text, 1 is binary; the server refuses any other. */
export type FormatCode = number;

/** Bind: makes a portal of a prepared statement and the values of its parameters. */
export type Bind = {
  readonly type: 'Bind';
  /** `''` is the unnamed portal. */
  readonly portal: string;
  readonly statement: string;
  /** None: all text. One: for all. Otherwise one per parameter. */
  readonly parameterFormats: readonly FormatCode[];
  /** null is SQL's NULL. */
  readonly parameters: readonly (Buffer | null)[];
  readonly resultFormats: readonly FormatCode[];
};

const NULL_LENGTH = -1;

export const decodeBind = (body: Buffer): Bind => {
  const reader = new ByteReader(body, protocolViolation);
  const portal = reader.string();
  const statement = reader.string();
  const parameterFormats = decodeFormats(reader);
  const parameters: (Buffer | null)[] = [];
  const count = reader.uint16();
  if (parameterFormats.length > 1 && parameterFormats.length !== count) {
    throw protocolViolation(`bind message has ${parameterFormats.length} parameter formats but ${count} parameters`);
  }
  for (let left = count; left > 0; left -= 1) {
    const length = reader.int32();
    parameters.push(length === NULL_LENGTH ? null : reader.bytes(length));
  }
  const resultFormats = decodeFormats(reader);
  reader.end();
  return { type: 'Bind', portal, statement, parameterFormats, parameters, resultFormats };
};

const decodeFormats = (reader: ByteReader): FormatCode[] => {
  const formats: FormatCode[] = [];
  for (let left = reader.uint16(); left > 0; left -= 1) {
    formats.push(reader.int16());
  }
  return formats;
};

export const encodeBind = (bind: Omit<Bind, 'type'>): Buffer => {
  const writer = new ByteWriter().string(bind.portal).string(bind.statement);
  encodeFormats(writer, bind.parameterFormats);
  writer.uint16(bind.parameters.length);
  for (const value of bind.parameters) {
    if (value === null) {
      writer.int32(NULL_LENGTH);
    } else {
      writer.int32(value.length).bytes(value);
    }
  }
  encodeFormats(writer, bind.resultFormats);
  return writer.message('B');
};

const encodeFormats = (writer: ByteWriter, formats: readonly FormatCode[]): void => {
  writer.uint16(formats.length);
  for (const format of formats) {
    writer.int16(format);
  }
};
