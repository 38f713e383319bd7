/**
 * What a reference to a Secret stands for. Its value leaves as a value, never in a message.
 */
import type { SecretBytes } from '../policy.ts';
import type { FieldPath } from './field-path.ts';
import { nearestName } from './nearest-name.ts';
import { type Building, faulty } from './resource.ts';

export type SecretReference = { readonly name: string; readonly key: string };

const knownNames = (names: readonly string[], wanted: string, none: string): string => {
  const nearest = nearestName(wanted, names);
  if (nearest !== undefined) return `Did you mean "${nearest}"?`;
  return names.length === 0 ? none : `There are: ${names.toSorted().join(', ')}.`;
};

/** The bytes that a reference names, or undefined after saying what is wrong with it. */
export const secretValue = (building: Building, reference: SecretReference, path: FieldPath, keyField = 'key'): SecretBytes | undefined => {
  const { namespace, secrets } = building;
  const id = `${namespace}/${reference.name}`;
  // Its own problem has been told, and keeps the bundle from being made.
  if (secrets.broken.has(reference.name)) return undefined;
  const secret = secrets.values.get(id);
  if (secret === undefined) {
    const inNamespace = [...secrets.values.keys()]
      .filter((key) => key.startsWith(`${namespace}/`))
      .map((key) => key.slice(namespace.length + 1));
    const none = `Add a Secret of this name to the namespace "${namespace}".`;
    return faulty(building, [...path, 'name'], `Secret "${id}" does not exist`, knownNames(inNamespace, reference.name, none));
  }
  const bytes = secret.get(reference.key);
  const place = [...path, keyField];
  if (bytes === undefined) {
    const remedy = knownNames([...secret.keys()], reference.key, 'Add the key to the Secret.');
    return faulty(building, place, `Secret "${id}" has no key "${reference.key}"`, remedy);
  }
  if (bytes.length === 0) {
    return faulty(building, place, `key "${reference.key}" of Secret "${id}" is empty`, 'Give it a value.');
  }
  return bytes;
};

/** The same as text in UTF-8, which PostgreSQL wants to be without NUL. */
export const secretText = (building: Building, reference: SecretReference, path: FieldPath, keyField = 'key'): string | undefined => {
  const bytes = secretValue(building, reference, path, keyField);
  if (bytes === undefined) return undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    // Told below, without the bytes.
  }
  const message = `key "${reference.key}" of Secret "${building.namespace}/${reference.name}" is not text in UTF-8`;
  return faulty(building, [...path, keyField], message, 'Store it as plain text.');
};

/** A password: text, and a warning where it ends in a line break, as after `echo secret | base64`. */
export const secretPassword = (
  building: Building,
  reference: SecretReference,
  path: FieldPath,
  keyField = 'key',
): SecretBytes | undefined => {
  const text = secretText(building, reference, path, keyField);
  if (text === undefined) return undefined;
  if (/[\r\n]$/.test(text)) {
    building.warn({
      path: [...path, keyField],
      message: `key "${reference.key}" of Secret "${building.namespace}/${reference.name}" ends in a line break`,
      remedy: 'The line break counts as part of the password; if it is not, store the password without it (printf instead of echo).',
    });
  }
  return new TextEncoder().encode(text);
};
