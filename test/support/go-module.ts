/**
 * A Go module's folder, for what others publish only there (the CRDs that the chart's objects belong to). Go checks its digest.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Downloads `path@version` into Go's module cache unless it is there. Needs Go, as building Kubernetes does. */
export const goModule = async (module: string): Promise<string> => {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module]);
  return (JSON.parse(stdout) as { readonly Dir: string }).Dir;
};
