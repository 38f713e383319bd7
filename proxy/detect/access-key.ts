import { isAlphanumeric, isBase64, isHex, isUpper, isDigit, isUrlSafe, runEnd, standsAt } from './characters.ts';

type KeyForm = {
  /** What it begins with. A secret that only its name tells begins after the name, and what assigns it. */
  readonly prefix: string;
  readonly accepts: (byte: number | undefined) => boolean;
  readonly least: number;
  readonly most?: number;
  /** The prefix is the name of a field: quotes, colons and equal signs may follow. */
  readonly named?: true;
};

const isUpperOrDigit = (byte: number | undefined): boolean => isUpper(byte) || isDigit(byte);

const of = (prefixes: string, accepts: KeyForm['accepts'], least: number, most?: number): readonly KeyForm[] =>
  prefixes.split(' ').map((prefix) => ({ prefix, accepts, least, ...(most === undefined ? {} : { most }) }));

const named = (prefixes: string, least: number): readonly KeyForm[] =>
  prefixes.split(' ').map((prefix) => ({ prefix, accepts: isBase64, least, named: true }));

/** How keys begin, as their issuers document it for scanners. */
const FORMS: readonly KeyForm[] = [
  // AWS
  ...of('AKIA ASIA ABIA ACCA', isUpperOrDigit, 16, 16),
  ...named('aws_secret_access_key AWS_SECRET_ACCESS_KEY SecretAccessKey secretAccessKey', 40),
  // Azure
  ...named('AccountKey SharedAccessKey', 40),
  // Google
  ...of('AIza', isUrlSafe, 35, 35),
  ...of('GOCSPX-', isUrlSafe, 28),
  ...of('ya29.', isUrlSafe, 30),
  // GitHub, GitLab
  ...of('ghp_ gho_ ghu_ ghs_ ghr_', isAlphanumeric, 36),
  ...of('github_pat_', isUrlSafe, 40),
  ...of('glpat- gldt- glrt-', isUrlSafe, 20),
  // Slack
  ...of('xoxb- xoxa- xoxp- xoxr- xoxs- xoxe- xapp-', isUrlSafe, 16),
  // Stripe
  ...of('sk_live_ sk_test_ rk_live_ rk_test_', isAlphanumeric, 16),
  ...of('whsec_', isBase64, 24),
  // OpenAI, Anthropic, and who took their form
  ...of('sk-', isUrlSafe, 32),
  // SendGrid, npm, PyPI, Hugging Face, DigitalOcean, Shopify, HashiCorp Vault
  ...of('SG.', (byte) => isUrlSafe(byte) || byte === 0x2e, 60),
  ...of('npm_ hf_', isAlphanumeric, 34),
  ...of('pypi-', isUrlSafe, 50),
  ...of('dop_v1_', isHex, 64, 64),
  ...of('shpat_ shpss_ shpca_', isHex, 32, 32),
  ...of('hvs. hvb.', isUrlSafe, 24),
];

/** Bytes of prefixes that are rare in texts: the scan stops at them. */
const RARE = '_-.KzSBC';

type Entry = KeyForm & { readonly bytes: Buffer /** Where in the prefix the scan stops. */; readonly stop: number };

const entryOf = (form: KeyForm): Entry => {
  const stop = Array.from(form.prefix).findLastIndex((character, index) => index > 0 && RARE.includes(character));
  return { ...form, bytes: Buffer.from(form.prefix), stop };
};

const ENTRIES: readonly Entry[] = FORMS.map(entryOf);

/** By the byte at which the scan stops, and the one before. */
const BY_PAIR: ReadonlyMap<number, readonly Entry[]> = Map.groupBy(ENTRIES, ({ bytes, stop }) => bytes.readUInt16BE(stop - 1));

const PAIRS = new Uint8Array(65_536);
for (const key of BY_PAIR.keys()) PAIRS[key] = 1;

/** Bytes at which a key may be found. */
export const ACCESS_KEY_TRIGGERS: readonly number[] = [...Buffer.from(RARE)];

const isAssigning = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x22 || byte === 0x27 || byte === 0x3a || byte === 0x3d;

const MOST_ASSIGNING = 8;

const keyEnd = (bytes: Buffer, from: number, end: number, { accepts, least, most }: Entry): number => {
  const last = runEnd(bytes, from, most === undefined ? end : Math.min(end, from + most + 1), accepts);
  return last - from < least || (most !== undefined && last - from > most) ? -1 : last;
};

/** The key whose prefix the scan has met at `at`: its first and last byte (exclusive); undefined: there is none. */
export const accessKeyAround = (bytes: Buffer, at: number, start: number, end: number): readonly [number, number] | undefined => {
  if (at <= start) return undefined;
  const pair = ((bytes[at - 1] as number) << 8) | (bytes[at] as number);
  if (PAIRS[pair] === 0) return undefined;
  for (const entry of BY_PAIR.get(pair) ?? []) {
    const first = at - entry.stop;
    if (!standsAt(bytes, first, start, entry.bytes) || (first > start && isLikelyWord(bytes, first, start, entry))) continue;
    const after = first + entry.bytes.length;
    const from = entry.named === true ? runEnd(bytes, after, Math.min(end, after + MOST_ASSIGNING), isAssigning) : after;
    if (entry.named === true && from === after) continue;
    const last = keyEnd(bytes, from, end, entry);
    if (last >= 0) return [entry.named === true ? from : first, last];
  }
  return undefined;
};

/** A short prefix is often the end of a word, as in `risk-assessment`. */
const isLikelyWord = (bytes: Buffer, first: number, start: number, { prefix, named: isNamed }: Entry): boolean =>
  isNamed !== true && prefix.length < 5 && first > start && isAlphanumeric(bytes[first - 1]) && bytes[first - 2] !== 0x5c;
