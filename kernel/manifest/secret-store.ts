/**
 * The Secrets among the manifests, decoded.
 */
import type { SecretBytes } from '../policy.ts';
import { objectMetaSchema } from './object-meta.ts';
import type { Fault } from './problem.ts';
import type { StructuralSchema } from './structural-schema.ts';

export type Secret = {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
};

export type SecretValues = ReadonlyMap<string, SecretBytes>;

export type SecretStore = {
  /** By `namespace/name`. */
  readonly values: ReadonlyMap<string, SecretValues>;
  /** Names of Secrets that are there, but have problems of their own; their namespace may be what is wrong. */
  readonly broken: ReadonlySet<string>;
};

const values: StructuralSchema = {
  type: 'object',
  description: 'Keys and their values, all of them texts: put numbers and true or false in quotes.',
  additionalProperties: { type: 'string', description: 'Put the value in quotes.' },
};

/** Kubernetes' own Secret, as far as manifests may use it. */
export const secretSchema: StructuralSchema = {
  type: 'object',
  required: ['apiVersion', 'kind', 'metadata'],
  properties: {
    apiVersion: { type: 'string' },
    kind: { type: 'string' },
    metadata: objectMetaSchema,
    type: { type: 'string', description: 'Type of the Secret, such as Opaque.' },
    immutable: { type: 'boolean', description: 'Whether the Secret may change.' },
    data: values,
    stringData: values,
  },
};

const fromBase64 = (text: string): SecretBytes | undefined => {
  const compact = text.replace(/[\r\n]/g, '');
  const bytes = Buffer.from(compact, 'base64');
  // Node skips what is not base64; encoding again shows whether there was any.
  return bytes.toString('base64') === compact ? new Uint8Array(bytes) : undefined;
};

/** The values of a Secret; as in Kubernetes, stringData wins over data. */
export const secretValues = (secret: Secret, fault: (fault: Fault) => void): SecretValues => {
  const decoded = new Map<string, SecretBytes>();
  for (const [key, text] of Object.entries(secret.data ?? {})) {
    const bytes = fromBase64(text);
    if (bytes === undefined) {
      fault({
        path: ['data', key],
        message: 'is not valid base64',
        remedy: 'Encode the value (base64 -w0), or write it plainly under stringData.',
      });
    } else decoded.set(key, bytes);
  }
  for (const [key, text] of Object.entries(secret.stringData ?? {})) decoded.set(key, new TextEncoder().encode(text));
  return decoded;
};
