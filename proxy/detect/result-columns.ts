import { ByteReader, type Malformed } from '../wire/byte-reader.ts';
import { type CellForm, cellForm } from './cell-form.ts';
import { SAYS_SOCIAL } from './social-security-number.ts';

/** A column of a result, as far as it matters for what is looked for in it. */
export type ResultColumn = { readonly name: string; readonly form: CellForm; readonly social: boolean };

/** Decodes the body of a RowDescription. */
export const decodeRowDescription = (body: Buffer, malformed: Malformed): readonly ResultColumn[] => {
  const reader = new ByteReader(body, malformed);
  const columns: ResultColumn[] = [];
  for (let left = reader.uint16(); left > 0; left -= 1) {
    const name = reader.lenientString();
    // Table and number of the column.
    reader.bytes(6);
    const type = reader.uint32();
    // Size and modifier of the type.
    reader.bytes(6);
    const social = SAYS_SOCIAL.test(name);
    columns.push({ name, form: cellForm(type, reader.int16(), social), social });
  }
  reader.end();
  return columns;
};

/** Whether the body of a CopyOutResponse announces binary data. */
export const isBinaryCopy = (body: Buffer): boolean => body[0] === 1;
