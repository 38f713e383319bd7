/**
 * The hunt's policy as manifests.
 */
import { connectionTo, policyFor, secret, trusted, writeObjects } from '../support/manifest-objects.ts';
import { type Column, quoteName, RELATIONS } from './database.ts';
import { WRITABLE } from './writes.ts';

/** The agent that the listener takes everybody for. */
export const HUNTER = 'hunter';

/** Masks that show nothing of the value: what is left is what two databases have in common. */
const BLIND = new Set(['Redact', 'Null', 'Constant']);

const maskOf = ({ mask, name }: Column, blind: boolean): unknown => ({
  column: quoteName(name),
  mask: blind && !BLIND.has(mask!.type) ? { type: 'Redact' } : mask,
});

const grants = (blind: boolean): unknown[] =>
  RELATIONS.filter(({ granted }) => granted).map(({ schema, name, columns, where, derived }) => {
    const masks = columns.filter(({ mask }) => mask !== undefined).map((column) => maskOf(column, blind));
    const listed = columns.filter(({ mask, denied }) => mask === undefined && denied !== true).map((column) => quoteName(column.name));
    const all = masks.length === 0 && columns.every(({ denied }) => denied !== true);
    const relation = { name: `${schema}.${quoteName(name)}` };
    // A view says nothing of its own: it has to be masked and filtered by what it shows. One says that its errors are its own affair.
    if (derived === true) {
      const every = columns.filter(({ denied }) => denied !== true).map((column) => quoteName(column.name));
      return { ...relation, select: { columns: every }, ...(name === 'broken' && { beneath: 'Ignore' }) };
    }
    const select = { columns: all ? ['*'] : listed, ...(masks.length > 0 && { masks }) };
    const writes = WRITABLE[name];
    const writing = writes && {
      insert: { columns: writes.insert },
      update: { columns: writes.update },
      ...(writes.delete && { delete: {} }),
    };
    return { ...relation, ...(where !== undefined && { where }), select, ...writing };
  });

export type ManifestOptions = {
  readonly port: number;
  readonly databases: readonly string[];
  /** Only masks that show nothing of a value. */
  readonly blind: boolean;
  readonly durability?: 'Fsync' | 'Write';
};

/** Writes manifests for these databases of one server. */
export const writeManifests = async (folder: string, { port, databases, blind, durability = 'Write' }: ManifestOptions): Promise<void> => {
  const objects = databases.flatMap((database) => {
    const name = database.replaceAll('_', '-');
    return [
      ...connectionTo(name, { port, database, login: trusted('postgres'), durability }),
      policyFor(name, name, {
        subjects: [{ agent: { name: HUNTER } }],
        relations: grants(blind),
        limits: { statementTimeout: '4s', probesPerSession: 1_000_000, probesPerHour: 1_000_000 },
      }),
    ];
  });
  await writeObjects(folder, [secret('masking-key', { key: 'a key that is long enough to be a key' }), ...objects]);
};
