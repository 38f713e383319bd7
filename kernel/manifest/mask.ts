/**
 * Masks, from the document's union of a type and the parameters named after it.
 */
import type { Mask } from '../policy.ts';
import type { DatabaseAccessPolicy } from '../generated/database-access-policy.ts';
import type { FieldPath } from './field-path.ts';
import { type Building, faulty } from './resource.ts';
import { secretValue } from './secret-value.ts';
import { sqlExpression, sqlText } from './sql-expression.ts';

type RelationDocument = NonNullable<DatabaseAccessPolicy['spec']['relations']>[number];
export type MaskDocument = NonNullable<NonNullable<RelationDocument['select']>['masks']>[number]['mask'];

/** Shorter keys can be guessed. */
const MIN_KEY_BYTES = 16;

const hashKey = (building: Building, reference: NonNullable<MaskDocument['hash']>['keySecretRef'], path: FieldPath): Mask | undefined => {
  const key = secretValue(building, reference, path);
  if (key === undefined) return undefined;
  if (key.length >= MIN_KEY_BYTES) return { type: 'Hash', key };
  return faulty(
    building,
    [...path, 'key'],
    `key "${reference.key}" of Secret "${building.namespace}/${reference.name}" is shorter than ${MIN_KEY_BYTES} bytes`,
    'Make a new one: openssl rand -base64 32.',
  );
};

const withParameters = (building: Building, mask: MaskDocument, path: FieldPath): Mask | undefined => {
  const { type } = mask;
  switch (type) {
    case 'Redact':
    case 'Null':
    case 'Email':
      return { type };
    case 'KeepLast':
      return mask.keepLast && { type, characters: mask.keepLast.characters };
    case 'KeepFirst':
      return mask.keepFirst && { type, characters: mask.keepFirst.characters };
    case 'Date':
      return mask.date && { type, precision: mask.date.precision };
    case 'Constant': {
      const value = mask.constant && sqlText(building, mask.constant.value, [...path, 'constant', 'value']);
      return value === undefined ? undefined : { type, value };
    }
    case 'Expression': {
      const expression = mask.expression && sqlExpression(building, mask.expression.sql, [...path, 'expression', 'sql']);
      return expression === undefined ? undefined : { type, expression };
    }
    case 'Hash':
      return mask.hash && hashKey(building, mask.hash.keySecretRef, [...path, 'hash', 'keySecretRef']);
    default:
      return type satisfies never;
  }
};

/**
 * The mask that a document describes.
 * INVARIANT: undefined only with a fault, and a fault leaves no bundle: a mask that is lost would lay its column bare.
 */
export const maskOf = (building: Building, mask: MaskDocument, path: FieldPath): Mask | undefined => {
  let faults = 0;
  const counting: Building = { ...building, fault: (fault) => ((faults += 1), building.fault(fault)) };
  const made = withParameters(counting, mask, path);
  if (made === undefined && faults === 0) {
    return faulty(building, path, `mask ${mask.type} is not complete`, 'Correct its parameters, or the Secret that it names.');
  }
  return made;
};
