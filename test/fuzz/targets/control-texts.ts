import { deepStrictEqual } from 'node:assert';
import { isDrop } from '../../../packages/core/src/drop-reason.js';
import { parseControlMessage, splitControlMessages } from '../../../packages/core/src/wire/control-message.js';
import { decodeKeyMethod, encodeKeyMethod } from '../../../packages/core/src/wire/key-method.js';
import { parseOptionsString } from '../../../packages/core/src/wire/options-string.js';
import { parsePeerInfo } from '../../../packages/core/src/wire/peer-info.js';
import { decodeText } from '../../../packages/core/src/wire/text.js';
import { readGuarded } from '../../support/bytes.js';

/** What is said inside TLS: key-method messages, options strings, peer info, control messages. */
export const controlTexts = (input: Uint8Array): void => {
  for (const sender of ['client', 'server'] as const) {
    const message = readGuarded(input, (view) => decodeKeyMethod(sender, view));
    if (isDrop(message)) continue;
    parsePeerInfo(message.peerInfo ?? '');
    parseOptionsString(message.options);
    const again = decodeKeyMethod(sender, encodeKeyMethod(sender, message));
    deepStrictEqual(again, message);
  }
  for (const text of readGuarded(input, splitControlMessages)) parseControlMessage(text);
  const text = decodeText(input);
  parsePeerInfo(text);
  parseOptionsString(text);
};
