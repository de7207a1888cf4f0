import { RecordDecoder } from '../../../packages/worker/src/control-ring.js';
import { ByteSource } from '../byte-source.js';

/** Records of a data thread, of any kind. */
export const ringRecords = (input: Uint8Array): void => {
  const source = new ByteSource(input);
  const decoder = new RecordDecoder();
  const sink = { handleDatagram: () => undefined, handleDataEvent: () => undefined };
  while (!source.isEmpty) decoder.decode(source.u8(), source.sized(), sink);
};
