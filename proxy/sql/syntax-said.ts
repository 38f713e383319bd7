/**
 * What PostgreSQL says of a text that does not parse, apart from the message: libpg_query tells the message, its place and the source file.
 * From the `ereport` calls of `gram.y`, `scan.l` and `parser.c`, 14 to 18; whatever is not here is a plain syntax error.
 */
import { SQLSTATE, type SqlState } from '../../kernel/sqlstate.ts';

type Said = { readonly sqlstate?: SqlState; readonly detail?: string; readonly hint?: string };

type Rule = readonly [message: RegExp, said: Said, file?: string];

const { featureNotSupported, invalidParameterValue, windowingError, reservedName } = SQLSTATE;

const RULES: readonly Rule[] = [
  [
    /^invalid Unicode escape$/,
    { sqlstate: SQLSTATE.invalidEscapeSequence, hint: 'Unicode escapes must be \\uXXXX or \\UXXXXXXXX.' },
    'scan.l',
  ],
  [/^invalid Unicode escape$/, { hint: 'Unicode escapes must be \\XXXX or \\+XXXXXX.' }],
  [
    /^unsafe use of \\' in a string literal$/,
    {
      sqlstate: SQLSTATE.nonstandardUseOfEscapeCharacter,
      hint: "Use '' to write quotes in strings. \\' is insecure in client-only encodings.",
    },
  ],
  [/^invalid byte sequence for encoding /, { sqlstate: SQLSTATE.characterNotInRepertoire }],
  [/^LIMIT #,# syntax is not supported$/, { hint: 'Use separate LIMIT and OFFSET clauses.' }],
  [/^subquery in FROM must have an alias$/, { hint: 'For example, FROM (SELECT ...) [AS] foo.' }],
  [/^VALUES in FROM must have an alias$/, { hint: 'For example, FROM (VALUES ...) [AS] foo.' }],
  [/^missing argument$/, { hint: 'Use NONE to denote the missing argument of a unary operator.' }],
  [/^frame (start|end|starting) /, { sqlstate: windowingError }],
  [/^precision for type float must be /, { sqlstate: invalidParameterValue }],
  [/^column number must be in range /, { sqlstate: invalidParameterValue }],
  [/^unrecognized JSON encoding: /, { sqlstate: invalidParameterValue }],
  [/^unrecognized partitioning strategy /, { sqlstate: invalidParameterValue }],
  [/^unrecognized row security option /, { hint: 'Only PERMISSIVE or RESTRICTIVE policies are supported currently.' }],
  [
    /^invalid publication object list$/,
    { detail: 'One of TABLE or TABLES IN SCHEMA must be specified before a standalone table or schema name.' },
  ],
  [/^(modulus|remainder) for hash partition provided more than once$/, { sqlstate: SQLSTATE.duplicateObject }],
  [/^role name "[^"]*" is reserved$|cannot be used as a role name here$/, { sqlstate: reservedName }],
  [
    /^UNENCRYPTED PASSWORD is no longer supported$/,
    { sqlstate: featureNotSupported, hint: 'Remove UNENCRYPTED to store the password in encrypted form instead.' },
  ],
  [
    /( not yet implemented| constraints cannot be marked (DEFERRABLE|NOT VALID|NO INHERIT)| not supported on recursive views)$/,
    { sqlstate: featureNotSupported },
  ],
  [/^current database cannot be changed$|^aggregates cannot have output arguments$/, { sqlstate: featureNotSupported }],
  [/^a column list with .* is only supported for ON DELETE actions$/, { sqlstate: featureNotSupported }],
  [/^only string constants are supported in JSON_TABLE path specification$/, { sqlstate: featureNotSupported }],
  [/^CREATE SCHEMA IF NOT EXISTS cannot include schema elements$/, { sqlstate: featureNotSupported }],
  [/^CREATE EXTENSION \.\.\. FROM is no longer supported$/, { sqlstate: featureNotSupported }],
  [/^CREATE OR REPLACE CONSTRAINT TRIGGER is not supported$/, { sqlstate: featureNotSupported }],
  [/^an ordered-set aggregate with a VARIADIC direct argument must have /, { sqlstate: featureNotSupported }],
];

/** `file`: PostgreSQL's source file that complained, as far as it is known. */
export const saidOfSyntax = (message: string, file: string): Said =>
  RULES.find(([pattern, , source]) => pattern.test(message) && (source === undefined || file.endsWith(source)))?.[1] ?? {};
