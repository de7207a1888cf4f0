/**
 * The import table of ARCHITECTURE.md. Every import runs down: supervisor -> worker -> core, ring, native.
 * The Rust half of the table is cargo's own dependency graph, checked by scripts/checks/check-crates.mjs.
 */
const from = (path) => ({ path, pathNot: '\\.test(-support)?\\.ts$' });

module.exports = {
  forbidden: [
    { name: 'no-cycle', severity: 'error', comment: 'imports run down, never round', from: {}, to: { circular: true } },
    {
      name: 'unresolvable',
      severity: 'error',
      comment: 'a missing `.js` suffix, a typing error, or a package that package.json does not name',
      from: from('^packages/'),
      // The native add-on's and the packages' build outputs may be absent where only the lint runs.
      to: { couldNotResolve: true, pathNot: '^(@shardvpn/|shardvpn$|uWebSockets|uws)' },
    },
    {
      name: 'core-imports-nothing',
      severity: 'error',
      comment: 'core is sans-IO: no node:*, no package, no other folder',
      from: from('^packages/core/src'),
      to: { pathNot: '^packages/core/src' },
    },
    {
      name: 'ring-imports-nothing',
      severity: 'error',
      comment: 'ring is memory layout and nothing else',
      from: from('^packages/ring/src'),
      to: { pathNot: '^packages/ring/src' },
    },
    {
      name: 'worker-imports-down',
      severity: 'error',
      comment: 'worker imports core, ring, native and node:*',
      from: from('^packages/worker/src'),
      to: {
        pathNot:
          '^(packages/(worker|core|ring)/|native/|@shardvpn/(core|ring|native)$|node_modules/@shardvpn/(core|ring|native)/)',
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'supervisor-imports-no-protocol',
      severity: 'error',
      comment: "of core the supervisor takes plain types and the file formats, never the protocol's machines",
      from: from('^packages/supervisor/src'),
      to: { path: '^packages/core/src/(server/server\\.ts|client|session|reliable|wrap|wire)' },
    },
    {
      name: 'supervisor-takes-messages-of-worker',
      severity: 'error',
      comment: "a shard is reached through worker/messages and the entry's URL, never by a call",
      from: from('^packages/supervisor/src'),
      to: { path: '^packages/worker/src/', pathNot: '^packages/worker/src/(index|messages|entry)' },
    },
    {
      name: 'packages-not-deep',
      severity: 'error',
      comment: 'another package is reached by its name, so that `exports` decides what it promises',
      from: { path: '^packages/([^/]+)/src', pathNot: '\\.test(-support)?\\.ts$' },
      to: { path: '^packages/([^/]+)/', pathNot: '^packages/$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'nobody-imports-tests',
      severity: 'error',
      comment: 'test and bench see everything and are seen by nobody',
      from: from('^(packages|native)/'),
      to: { path: '(^(test|bench)/|\\.test(-support)?\\.ts$)' },
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(/dist/|^target/|/node_modules/)' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs'],
    },
    builtInModules: { add: [] },
  },
};
