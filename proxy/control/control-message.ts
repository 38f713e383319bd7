/**
 * A line of the operator's to a message: checked here, trusted behind.
 */
import type { BundleMessage, ControlMessage, Document, PodIdentity } from '../../kernel/control.ts';

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

const isDocument = (value: unknown): value is Document =>
  isObject(value) &&
  typeof value['apiVersion'] === 'string' &&
  typeof value['kind'] === 'string' &&
  isObject(value['metadata']) &&
  typeof value['metadata']['name'] === 'string';

const identityOf = (value: unknown): PodIdentity | undefined => {
  if (!isObject(value)) return undefined;
  const { namespace, pod, uid, serviceAccount } = value;
  const complete = [namespace, pod, uid].every((part) => typeof part === 'string' && part !== '') && typeof serviceAccount === 'string';
  return complete ? ({ namespace, pod, uid, serviceAccount } as PodIdentity) : undefined;
};

const bundleOf = (fields: Fields): BundleMessage => {
  const { revision, staleAfter, documents } = fields;
  const identity = identityOf(fields['identity']);
  if (typeof revision !== 'string' || identity === undefined) throw new Error('a bundle without revision or identity');
  if (typeof staleAfter !== 'number' || !Number.isFinite(staleAfter) || staleAfter < 0) throw new Error('a bundle without staleAfter');
  if (!Array.isArray(documents) || !documents.every(isDocument)) throw new Error('a bundle whose documents are none');
  return { type: 'bundle', revision, identity, staleAfter, documents };
};

const afterOf = ({ after }: Fields): number => {
  if (typeof after !== 'number' || !Number.isFinite(after) || after < 0) throw new Error('a ping without its time');
  return after;
};

/** The message; undefined: one of a kind that a later operator may know. @throws Error without a quote of the line, for it may hold keys */
export const controlMessage = (line: string): ControlMessage | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error('a line that is no JSON');
  }
  if (!isObject(value)) throw new Error('a line that is no JSON object');
  switch (value['type']) {
    case 'bundle':
      return bundleOf(value);
    case 'ping':
      return { type: 'ping', after: afterOf(value) };
    case 'revoked':
      return { type: 'revoked', reason: typeof value['reason'] === 'string' ? value['reason'].slice(0, 1000) : '' };
    default:
      return undefined;
  }
};
