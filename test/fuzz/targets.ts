import { clientControl } from './targets/client-control.js';
import { clientProfile } from './targets/client-profile.js';
import { controlPackets } from './targets/control-packets.js';
import { controlTexts } from './targets/control-texts.js';
import { keptFiles } from './targets/kept-files.js';
import { loginTexts } from './targets/login-texts.js';
import { pairLife } from './targets/pair-life.js';
import { processMessages } from './targets/process-messages.js';
import { pushedOptions } from './targets/pushed-options.js';
import { reloadPlan } from './targets/reload-plan.js';
import { ringRecords } from './targets/ring-records.js';
import { serverConf } from './targets/server-conf.js';
import { serverLife } from './targets/server-life.js';
import { sessionRestore } from './targets/session-restore.js';
import { sessionSnapshots } from './targets/session-snapshots.js';
import { statusTexts } from './targets/status-texts.js';
import { wrappings } from './targets/wrappings.js';

/** Takes any bytes; fails by throwing. */
export type FuzzTarget = (input: Uint8Array) => void;

/** Every target, by the name of its corpus. */
export const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  'client-control': clientControl,
  'client-profile': clientProfile,
  'control-packets': controlPackets,
  'control-texts': controlTexts,
  'kept-files': keptFiles,
  'login-texts': loginTexts,
  'pair-life': pairLife,
  'process-messages': processMessages,
  'pushed-options': pushedOptions,
  'reload-plan': reloadPlan,
  'ring-records': ringRecords,
  'server-conf': serverConf,
  'server-life': serverLife,
  'session-restore': sessionRestore,
  'session-snapshots': sessionSnapshots,
  'status-texts': statusTexts,
  wrappings,
};

/** For the fuzzer, which looks for one function: the target that FUZZ_TARGET names. */
export const fuzz = (input: Uint8Array): void => {
  const target = TARGETS[process.env.FUZZ_TARGET ?? ''];
  if (target === undefined) throw new Error(`FUZZ_TARGET is none of ${Object.keys(TARGETS).join(', ')}`);
  target(input);
};
