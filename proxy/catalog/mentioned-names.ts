/**
 * Names that the bodies of functions may mean relations by, which are only looked up when the function runs: what stands behind words
 * as INTO and FROM, and where statements are put together, every word of a string.
 */

const NAME = `"[^"]+"|[^\\s"'().,;:=<>+*/%|&^#@!?~[\\]{}-]+`;

const PLACES = new RegExp(
  `\\b(?:into|update|table|copy|from|join|using|truncate)\\b\\s*` +
    `(?:(?:local|global|temp|temporary|unlogged|table|only|if|not|exists)\\b\\s*)*(?:(?:${NAME})\\s*\\.\\s*)?(${NAME})`,
  'gi',
);

const DYNAMIC = /\bexecute\b/i;

const STRINGS = /'([^']+)'/g;

const WORDS = new RegExp(NAME, 'g');

const plain = (name: string): string => (name.startsWith('"') ? name.slice(1, -1) : name).toLowerCase();

/** Characters of bodies at a stretch: sessions have their turn in between. */
const STRETCH = 256 * 1024;

/** The names, in lower case, without quotes. */
export const mentionedNames = async (bodies: Iterable<string>): Promise<ReadonlySet<string>> => {
  const names = new Set<string>();
  let characters = 0;
  for (const body of bodies) {
    characters += body.length;
    if (characters > STRETCH) {
      characters = 0;
      await new Promise((resolve) => void setImmediate(resolve));
    }
    for (const [, name = ''] of body.matchAll(PLACES)) names.add(plain(name));
    if (!DYNAMIC.test(body)) continue;
    for (const [, text = ''] of body.matchAll(STRINGS)) for (const [word] of text.matchAll(WORDS)) names.add(plain(word));
  }
  return names;
};
