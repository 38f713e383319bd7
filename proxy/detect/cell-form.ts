/** How the values of a column are looked into, by type and format. */
export type CellForm =
  /** Cannot hold what is looked for. */
  | 'Skip'
  | 'Text'
  /** A number, or JSON, which may be one: what is masked stays a number. */
  | 'NumberText'
  | 'AddressText'
  /** Text in binary format, or something made of such: arrays, rows, hstore, ranges. */
  | 'Binary'
  | 'JsonbBinary'
  | 'Int8Binary'
  | 'Int4Binary'
  | 'NumericBinary'
  | 'AddressBinary';

/** Oids as in PostgreSQL's `pg_type.dat`. */
const INT8 = 20;
const INT4 = 23;
const JSON_TEXT = 114;
const INET = 869;
const NUMERIC = 1700;
const JSONB = 3802;
const XID8 = 5069;

/** Types, and arrays of them, whose values are no text and are too short or of another form: numbers, times, identifiers, shapes. */
const SKIPPED: ReadonlySet<number> = new Set([
  // bool, int2, int4, oid, tid, xid, cid, float4, float8, money, cidr, macaddr, macaddr8
  16, 21, 23, 26, 27, 28, 29, 700, 701, 790, 650, 829, 774,
  // date, time, timetz, timestamp, timestamptz, interval, bit, varbit, uuid, pg_lsn
  1082, 1083, 1266, 1114, 1184, 1186, 1560, 1562, 2950, 3220,
  // point, lseg, path, box, polygon, line, circle
  600, 601, 602, 603, 604, 628, 718,
  // bool[], int2[], int4[], oid[], float4[], float8[], date[], time[], timestamp[], timestamptz[], interval[], uuid[]
  1000, 1005, 1007, 1028, 1021, 1022, 1182, 1183, 1115, 1185, 1187, 2951,
]);

const TEXTS: ReadonlyMap<number, CellForm> = new Map([
  [INT8, 'NumberText'],
  [NUMERIC, 'NumberText'],
  [XID8, 'NumberText'],
  [JSON_TEXT, 'NumberText'],
  [JSONB, 'NumberText'],
  [INET, 'AddressText'],
]);

const BINARIES: ReadonlyMap<number, CellForm> = new Map([
  [INT8, 'Int8Binary'],
  [XID8, 'Int8Binary'],
  [NUMERIC, 'NumericBinary'],
  [JSON_TEXT, 'JsonbBinary'],
  [JSONB, 'JsonbBinary'],
  [INET, 'AddressBinary'],
]);

/** The form of a type in a format. `social`: the column says that its numbers are social security numbers. */
export const cellForm = (type: number, format: number, social = false): CellForm => {
  if (type === INT4 && social) return format === 0 ? 'NumberText' : 'Int4Binary';
  if (SKIPPED.has(type)) return 'Skip';
  return (format === 0 ? TEXTS.get(type) : BINARIES.get(type)) ?? (format === 0 ? 'Text' : 'Binary');
};
