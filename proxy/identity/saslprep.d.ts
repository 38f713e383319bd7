/** `saslprep` 1.0.3 ships no types. */
declare module 'saslprep' {
  /** RFC 4013; throws on a prohibited or unassigned character. */
  function saslprep(input: string): string;
  export = saslprep;
}
