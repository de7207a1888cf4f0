import type { DataCommand } from '../data-plane.js';
import type { Millis } from '../ids.js';
import type { Fifo } from '../session/outbox.js';
import type { Session } from '../session/session.js';
import type { ClientOptions } from './client-options.js';
import type { ClientPhase } from './client-phase.js';
import type { ClientStage } from './client-stage.js';
import { EXIT_LINGER } from './client-times.js';

/**
 * Tells the server that we leave, on the control channel when it has pushed `cc-exit`, else in the data channel where that is
 * wanted; how long the last acks may take. [wire 13, 15]
 */
export const sayGoodbye = (
  stage: ClientStage,
  { exitNotify }: ClientOptions,
  session: Session<ClientPhase>,
  commands: Fifo<DataCommand>,
): Millis => {
  if (stage.type !== 'connected') {
    return 0;
  }
  if (stage.options.exitNotify) {
    session.sendMessage('EXIT');
    return EXIT_LINGER;
  }
  if (exitNotify) {
    commands.push({ type: 'notify-exit', peerId: stage.peerId });
  }
  return 0;
};
