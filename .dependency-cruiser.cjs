/**
 * Who may import whom (DESIGN: "Where things live"). `scripts/check-imports.ts` runs it.
 * What pure code may read besides imports (environment, clock, randomness) is .oxlintrc.json's.
 */
const PRODUCTION = '^(kernel|proxy|operator|cli)/';
const PURE = '^(kernel|proxy/(wire|sql|policy|scope|detect)|operator/(specs|inject))/';
const TEST = '[.]test[.]ts$';
const INPUT_OUTPUT =
  '^(node:)?(fs|net|tls|http|https|http2|dns|dgram|child_process|cluster|os|process|readline|inspector|repl|sqlite)(/|$)';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'kernel-imports-only-kernel',
      comment: 'The shared vocabulary knows nobody who speaks it.',
      severity: 'error',
      from: { path: '^kernel/', pathNot: TEST },
      to: { path: '^(proxy|operator|cli|scripts|test)/' },
    },
    {
      name: 'pure-does-no-io',
      comment: 'Parsing, deciding and rewriting are functions of their arguments: I/O belongs to who calls them.',
      severity: 'error',
      from: { path: PURE, pathNot: TEST },
      to: { path: INPUT_OUTPUT },
    },
    {
      name: 'proxy-and-operator-are-strangers',
      comment: 'They share the kernel, and talk over the network.',
      severity: 'error',
      from: { path: '^(proxy|operator)/' },
      to: { path: '^(proxy|operator)/', pathNot: '^$1/' },
    },
    {
      name: 'one-folder-knows-the-kubernetes-client',
      comment: 'Everybody else gets JSON behind paths, from operator/kube/kube.ts.',
      severity: 'error',
      from: { pathNot: '^(operator/kube/|node_modules/)' },
      to: { path: '(^|/)@kubernetes/client-node' },
    },
    {
      name: 'main-composes-the-operator',
      comment: 'Its parts are given what they need; they do not start each other.',
      severity: 'error',
      from: { path: PRODUCTION, pathNot: `^operator/main[.]ts$|${TEST}` },
      to: {
        path: '^operator/(start-world|metrics/server|(admission|certificates|control|reconcile)/start-[a-z]+|kube/(connect|leader-election))[.]ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'nobody-imports-main',
      comment: 'A main.ts composes and starts a program; only the command line may start the proxy.',
      severity: 'error',
      from: { pathNot: '^cli/main[.]ts$' },
      to: { path: '(^|/)main[.]ts$' },
    },
    {
      name: 'cli-starts-only-the-proxy',
      severity: 'error',
      from: { path: '^cli/main[.]ts$' },
      to: { path: '(^|/)main[.]ts$', pathNot: '^proxy/main[.]ts$' },
    },
    {
      name: 'nobody-imports-cli',
      severity: 'error',
      from: { pathNot: '^(cli|test/cli)/' },
      to: { path: '^cli/' },
    },
    {
      name: 'production-never-imports-tests',
      severity: 'error',
      from: { path: PRODUCTION, pathNot: TEST },
      to: { path: `^(test|scripts)/|${TEST}` },
    },
    {
      name: 'production-never-imports-dev-dependencies',
      severity: 'error',
      from: { path: PRODUCTION, pathNot: TEST },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'] },
    },
    {
      name: 'no-cycles',
      comment: 'Not even for types: what two files need of each other wants a file of its own.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // The ORMs' sessions run elsewhere, beside packages of their own.
    exclude: { path: '^test/(corpus/public/|orm/javascript/|clients/node/.*[.]mjs$)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
};
