/**
 * `make corpus`: runs the harness of a corpus folder through the proxy, prints its totals, and ends with its exit code.
 */
import { corpusOptions, startCorpus } from './corpus.ts';

const valued = (option: string, value: string | undefined): string[] => (value ? [option, value] : []);
const { WHAT, FAMILY, ID, PROTOCOL, JSON: json, VERBOSE } = process.env;

const corpus = await startCorpus(corpusOptions(process.env));
try {
  process.exitCode = await corpus.run([
    '--what',
    WHAT || 'all',
    ...valued('--family', FAMILY),
    ...valued('--id', ID),
    ...valued('--protocol', PROTOCOL),
    ...valued('--json', json),
    ...(VERBOSE ? ['--verbose'] : []),
  ]);
} finally {
  await corpus.stop();
}
