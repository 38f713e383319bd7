/** Numbers in binary format as ASCII digits, and the same with 1 for each digit. Negative ones and fractions are none that is looked for. */

/** Digits of an integer of 4 or 8 bytes. */
export const integerDigits = (bytes: Buffer, start: number, end: number): string => {
  const value = end - start === 8 ? bytes.readBigInt64BE(start) : BigInt(bytes.readInt32BE(start));
  return value < 0n ? '' : value.toString();
};

/** Puts a 1 in place of each digit. */
export const overwriteInteger = (bytes: Buffer, start: number, end: number): void => {
  const ones = BigInt('1'.repeat(integerDigits(bytes, start, end).length));
  if (end - start === 8) bytes.writeBigInt64BE(ones, start);
  else bytes.writeInt32BE(Number(ones), start);
};

const NUMERIC_HEAD = 8;
const DIGITS_PER_WORD = 4;

/** `numeric_send`: words of four decimal digits, of which trailing zeros are left out. */
export const numericDigits = (bytes: Buffer, start: number, end: number): string => {
  if (end - start < NUMERIC_HEAD) return '';
  const words = bytes.readUInt16BE(start);
  const weight = bytes.readInt16BE(start + 2);
  const sign = bytes.readUInt16BE(start + 4);
  if (sign !== 0 || weight < 0 || weight > DIGITS_PER_WORD || words > weight + 1 || end - start !== NUMERIC_HEAD + words * 2) return '';
  let digits = '';
  for (let word = 0; word <= weight; word += 1) {
    const value = word < words ? bytes.readUInt16BE(start + NUMERIC_HEAD + word * 2) : 0;
    digits += digits === '' ? (value === 0 ? '' : String(value)) : String(value).padStart(DIGITS_PER_WORD, '0');
  }
  return digits;
};

export const overwriteNumeric = (bytes: Buffer, start: number): void => {
  const words = bytes.readUInt16BE(start);
  for (let word = 0; word < words; word += 1) {
    const at = start + NUMERIC_HEAD + word * 2;
    bytes.writeUInt16BE(word === 0 ? Number('1'.repeat(String(bytes.readUInt16BE(at)).length)) : 1_111, at);
  }
};
