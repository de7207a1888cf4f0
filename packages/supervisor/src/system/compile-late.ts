import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode that a function runs before V8 looks whether to optimize it; V8's own choice is 132 KB. */
const INTERRUPT_BUDGET = 1_000_000;

/**
 * Has V8 optimize functions later; to be called before the first worker starts. A handshake runs a lot of JavaScript once: compiling it
 * for speed in every worker takes a fifth of a connect's CPU for thousands of connects, and what it gains is less.
 */
export const compileLate = (): void => setFlagsFromString(`--interrupt-budget=${INTERRUPT_BUDGET}`);
