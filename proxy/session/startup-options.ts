import { encodingRefused, type Failure, protocolViolation, replicationRefused, startupOptionRefused } from '../../kernel/failure.ts';

/** What a startup packet asks for. */
export type StartupRequest = {
  readonly user: string;
  readonly database: string;
  readonly applicationName: string;
  /** Settings by lower-case name, from the packet and from its `options`; not judged yet. */
  readonly settings: ReadonlyMap<string, string>;
  /** `_pq_.` parameters: protocol extensions, none of which we know. */
  readonly unknownExtensions: readonly string[];
};

const EXTENSION_PREFIX = '_pq_.';

/** Reads the parameters of a StartupMessage. Throws `Failure`. Rules: `ProcessStartupPacket` of `backend_startup.c`. */
export const readStartup = (parameters: ReadonlyMap<string, string>): StartupRequest => {
  const settings = new Map<string, string>();
  const unknownExtensions: string[] = [];
  const set = (name: string, value: string): void => {
    checkEncoding(name, value);
    settings.set(name.toLowerCase(), value);
  };
  for (const [name, value] of splitOptions(parameters.get('options') ?? '')) {
    set(name, value);
  }
  for (const [name, value] of parameters) {
    if (name.startsWith(EXTENSION_PREFIX)) {
      unknownExtensions.push(name);
    } else if (name === 'replication') {
      checkReplication(value);
    } else if (name !== 'user' && name !== 'database' && name !== 'options') {
      set(name, value);
    }
  }
  const user = parameters.get('user') ?? '';
  if (user === '') {
    throw protocolViolation('no PostgreSQL user name specified in startup packet');
  }
  const database = parameters.get('database') ?? '';
  return {
    user,
    database: database === '' ? user : database,
    applicationName: settings.get('application_name') ?? '',
    settings,
    unknownExtensions,
  };
};

/** `parse_bool` of `src/backend/utils/adt/bool.c`: what means false. Anything else asks for replication, or is invalid. */
const FALSE = /^(f|fa|fal|fals|false|n|no|of|off|0)$/i;

const checkReplication = (value: string): void => {
  if (!FALSE.test(value)) {
    throw replicationRefused();
  }
};

/** PostgreSQL's `clean_encoding_name` keeps letters and digits, and knows UTF8 by these two names. */
const checkEncoding = (name: string, value: string): void => {
  if (name.toLowerCase() !== 'client_encoding') {
    return;
  }
  const cleaned = value.replaceAll(/[^A-Za-z0-9]/g, '').toLowerCase();
  if (cleaned !== 'utf8' && cleaned !== 'unicode') {
    throw encodingRefused(value);
  }
};

/**
 * Settings of the `options` parameter, in order: `-c name=value`, `-cname=value`, `--name=value`. Other switches of the server's
 * command line are refused.
 */
export const splitOptions = (options: string): readonly (readonly [string, string])[] => {
  const words = splitWords(options);
  const settings: (readonly [string, string])[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] as string;
    if (word === '-c') {
      index += 1;
      settings.push(splitSetting(words[index] ?? '', word));
    } else if (word.startsWith('-c')) {
      settings.push(splitSetting(word.slice(2), word));
    } else if (word.startsWith('--')) {
      settings.push(splitSetting(word.slice(2), word));
    } else {
      throw optionsRefused(word);
    }
  }
  return settings;
};

const optionsRefused = (word: string): Failure =>
  startupOptionRefused('options', `Only -c name=value and --name=value are read, and "${word}" is neither.`);

/** `ParseLongOption` of `src/backend/utils/misc/guc.c`: dashes in the name stand for underscores. */
const splitSetting = (text: string, word: string): readonly [string, string] => {
  const equals = text.indexOf('=');
  if (equals <= 0) {
    throw optionsRefused(word);
  }
  return [text.slice(0, equals).replaceAll('-', '_').toLowerCase(), text.slice(equals + 1)];
};

/** `pg_split_opts` of `src/backend/utils/init/postinit.c`: white space separates, a backslash takes the next character as it is. */
const splitWords = (options: string): readonly string[] => {
  const words: string[] = [];
  let word: string | undefined;
  for (let index = 0; index < options.length; index += 1) {
    const character = options[index] as string;
    if (character === '\\') {
      index += 1;
      word = (word ?? '') + (options[index] ?? '');
    } else if (/[ \t\n\v\f\r]/.test(character)) {
      if (word !== undefined) {
        words.push(word);
      }
      word = undefined;
    } else {
      word = (word ?? '') + character;
    }
  }
  return word === undefined ? words : [...words, word];
};
