/** SQL quoting, as `quote_ident` and `quote_literal` do it, with standard_conforming_strings on. */

/** Always quoted: no keyword list to keep. */
export const quoteIdentifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;

export const quoteName = (schema: string, name: string): string => `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
