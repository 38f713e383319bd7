/**
 * The words of a list: several to a line, and a line that begins with `--` is a comment on those that follow.
 */
export const listed = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('--'))
    .flatMap((line) => line.split(' '))
    .filter((word) => word !== '');
