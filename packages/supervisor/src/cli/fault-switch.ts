import { VpnError } from '@shardvpn/core';

/** Names a file whose lines are faults to commit; for tests. */
const FAULT_VARIABLE = 'SHARDVPN_FAULTS';
const FAULT_FLAG = '--allow-fault-injection';

/** The words without the flag that permits injected faults, and whether it was there. */
export const takeFaultFlag = (words: readonly string[]): { words: readonly string[]; allowed: boolean } => ({
  words: words.filter((word) => word !== FAULT_FLAG),
  allowed: words.includes(FAULT_FLAG),
});

/** The file of faults, null without one. A variable that has slipped into a real server's environment is an error. */
export const faultFile = (environment: NodeJS.ProcessEnv, allowed: boolean): string | null => {
  const file = environment[FAULT_VARIABLE] ?? '';
  if (file === '') return null;
  if (!allowed) {
    throw new VpnError(
      'config/fault-injection',
      `${FAULT_VARIABLE} is set, which lets a file crash parts of the server; unset it, or for a test start with ${FAULT_FLAG}`,
    );
  }
  return file;
};
