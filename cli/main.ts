#!/usr/bin/env node
/**
 * The `pg-airlock` command. Each subcommand is loaded when it is asked for: the proxy's start-up pays for nothing else.
 */
import type { CommandOutput } from './command-output.ts';

const USAGE = `usage: pg-airlock COMMAND

  proxy            stand between agents and PostgreSQL        (pg-airlock proxy --help)
  explain          what would happen to a statement, and why  (pg-airlock explain --help)
  lint             what is wrong with manifests               (pg-airlock lint --help)
  audit verify     check the hash chain of an audit log
  audit show       print an audit log for people
`;

const [command, ...args] = process.argv.slice(2);

const terminal: CommandOutput = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  get columns() {
    return process.stdout.columns;
  },
};

const run = async (): Promise<number> => {
  switch (command) {
    case 'proxy': {
      if (args.includes('--help')) {
        const { PROXY_USAGE } = await import('../proxy/config.ts');
        process.stdout.write(PROXY_USAGE);
        return 0;
      }
      const { runProxy } = await import('../proxy/main.ts');
      return await runProxy(args, terminal.err);
    }
    case 'audit': {
      const { auditCommand } = await import('./audit.ts');
      return await auditCommand(args, terminal);
    }
    case 'explain': {
      const { explainCommand } = await import('./explain.ts');
      return await explainCommand(args, terminal);
    }
    case 'lint': {
      const { lintCommand } = await import('./lint.ts');
      return await lintCommand(args, terminal);
    }
    case 'help':
    case '--help':
      process.stdout.write(USAGE);
      return 0;
    default:
      process.stderr.write(USAGE);
      return 2;
  }
};

void run().then((code) => {
  process.exitCode = code;
});
