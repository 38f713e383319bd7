/**
 * `make corpus-server`: the corpus's database and the proxy; prints the harness's three addresses as one JSON line and stays up.
 */
import { corpusOptions, startCorpus } from './corpus.ts';

const corpus = await startCorpus(corpusOptions(process.env));
console.log(JSON.stringify(corpus.urls));
const signal = new Promise((resolve) => {
  process.once('SIGINT', resolve);
  process.once('SIGTERM', resolve);
});
await Promise.race([signal, new Promise((resolve) => corpus.proxy.process.once('exit', resolve))]);
await corpus.stop();
