/** Stock openvpn clients against a real server in network namespaces. `npm test` runs the files in rounds: rounds.mjs. */
export default {
  rootDir: '../..',
  testMatch: ['<rootDir>/test/interop/*.test.ts'],
  globalSetup: '<rootDir>/test/interop/lab/global-setup.mjs',
  globalTeardown: '<rootDir>/test/interop/lab/global-teardown.mjs',
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2023', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/target/', '/dist/'],
  testTimeout: 300_000,
  testSequencer: '<rootDir>/test/interop/longest-first.mjs',
  maxWorkers: 1,
  verbose: true,
};
