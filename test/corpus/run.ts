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
  // The harness sees the proxy's own faults as refusals only.
  const faults = corpus.proxy.log().filter(({ level, event }) => level === 'error' || level === 'fatal' || event === 'session-fault');
  for (const line of faults.slice(0, 10)) console.error(JSON.stringify(line));
  if (faults.length > 0) process.exitCode ||= 1;
} finally {
  await corpus.stop();
}
