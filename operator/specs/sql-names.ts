/**
 * Names and literals as SQL writes them.
 */
import type { QualifiedName } from '../../kernel/policy.ts';

/** Quoted where it has to be; a key word stays bare, for these texts are read by people. */
export const shownIdentifier = (name: string): string => (/^[a-z_][a-z0-9_$]*$/.test(name) ? name : quotedIdentifier(name));

/** `schema.name` for people. */
export const shownName = ({ schema, name }: QualifiedName): string => `${shownIdentifier(schema)}.${shownIdentifier(name)}`;

/** Quoted always: for the server. */
export const quotedIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** `schema.name` for the server. */
export const quotedName = ({ schema, name }: QualifiedName): string => `${quotedIdentifier(schema)}.${quotedIdentifier(name)}`;

/** A literal that means the same whatever `standard_conforming_strings` says. */
export const quotedLiteral = (text: string): string => {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? `E${quoted}` : quoted;
};
