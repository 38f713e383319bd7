/**
 * Files of an image, and the tar archive of them: always the same bytes for the same files.
 */

/** What stands at a path; owned by root. */
export type TreeEntry =
  | { readonly type: 'Directory'; readonly mode: number }
  | { readonly type: 'File'; readonly mode: number; readonly content: Buffer }
  | { readonly type: 'Link'; readonly target: string };

/** By path, without a slash in front. Folders on the way to a file need not be there. */
export type Tree = ReadonlyMap<string, TreeEntry>;

const BLOCK = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

const FLAGS: Readonly<Record<TreeEntry['type'], string>> = { Directory: '5', File: '0', Link: '2' };

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;

/** ustar splits a path at a slash into at most 155 and 100 bytes. */
const splitPath = (path: string): readonly [prefix: string, name: string] => {
  if (Buffer.byteLength(path) <= NAME_BYTES) return ['', path];
  const at = path.indexOf('/', path.length - NAME_BYTES - 1);
  if (at < 0 || at > PREFIX_BYTES || Buffer.byteLength(path) !== path.length) throw new Error(`the path is too long for an image: ${path}`);
  return [path.slice(0, at), path.slice(at + 1)];
};

/** The header of one entry, padded to a block. `time` is in seconds. */
export const tarHeader = (path: string, entry: TreeEntry, time: number): Buffer => {
  const [prefix, name] = splitPath(entry.type === 'Directory' ? `${path}/` : path);
  const target = entry.type === 'Link' ? entry.target : '';
  if (Buffer.byteLength(target) > NAME_BYTES) throw new Error(`the target of a link is too long for an image: ${target}`);
  const header = Buffer.alloc(BLOCK);
  const put = (text: string, at: number): void => void header.write(text, at, 'utf8');
  put(name, 0);
  put(octal(entry.type === 'Link' ? 0o777 : entry.mode, 7), 100);
  // Owner and group: root.
  put(octal(0, 7), 108);
  put(octal(0, 7), 116);
  put(octal(entry.type === 'File' ? entry.content.length : 0, 11), 124);
  put(octal(time, 11), 136);
  put(' '.repeat(8), 148);
  put(FLAGS[entry.type], 156);
  put(target, 157);
  put('ustar\0' + '00', 257);
  put(prefix, 345);
  put(
    `${octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
  );
  return header;
};

/** What fills the last block of a content. */
export const tarPadding = (length: number): Buffer => Buffer.alloc((BLOCK - (length % BLOCK)) % BLOCK);

export const TAR_END = Buffer.alloc(2 * BLOCK);

const withFolders = (tree: Tree): Tree => {
  const folders = [...tree.keys()].flatMap((path) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, index, parts) => parts.slice(0, index + 1).join('/')),
  );
  return new Map([...folders.map((path) => [path, { type: 'Directory', mode: 0o755 }] as const), ...tree]);
};

/** The archive of a tree, sorted by path. */
export const tarOf = (tree: Tree, time: number): Buffer => {
  const sorted = [...withFolders(tree)].sort(([one], [other]) => (one < other ? -1 : 1));
  const parts = sorted.flatMap(([path, entry]) => {
    const header = tarHeader(path, entry, time);
    return entry.type === 'File' ? [header, entry.content, tarPadding(entry.content.length)] : [header];
  });
  return Buffer.concat([...parts, TAR_END]);
};
