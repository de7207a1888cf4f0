/** Unit and simulation tests; the interop suite has a runner of its own (test/interop). */
export default {
  testMatch: [
    '<rootDir>/packages/*/src/**/*.test.ts',
    '<rootDir>/test/{sim,unit,fuzz}/**/*.test.ts',
    '<rootDir>/bench/**/*.test.ts',
  ],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^@shardvpn/(core|ring|worker)$': '<rootDir>/packages/$1/src/index.ts',
    '^@shardvpn/native$': `<rootDir>/native/shardvpn.${process.platform}-${process.arch}.node`,
    '^shardvpn$': '<rootDir>/packages/supervisor/src/index.ts',
  },
  // Looked up in the sandbox of a test they take longer than the work that is done with them. Libraries have a `Set` of
  // their own: only names that nobody declares.
  sandboxInjectedGlobals: ['Math', 'Number', 'Uint8Array'],
  modulePathIgnorePatterns: ['<rootDir>/target/', '/dist/'],
  // Against hanging only: a busy machine may take any time.
  testTimeout: 300_000,
};
