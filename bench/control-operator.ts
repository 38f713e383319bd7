/**
 * The operator's control plane as a process of its own, so that its memory is its own: `node bench/control-operator.ts KUBECONFIG`.
 */
import { startTestOperator } from '../test/control/operator.ts';

// It ends with whoever started it.
process.stdin.resume().once('end', () => process.exit(0));

const operator = await startTestOperator({ kubeconfig: process.argv[2] ?? '' });
process.stdout.write(`${JSON.stringify({ url: operator.url, ca: operator.authority.cert })}\n`);
