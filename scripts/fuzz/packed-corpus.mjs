const LENGTH = 2;

/** Inputs one after the other, each behind its length in two bytes: thousands of tiny files would be a burden to everybody. */
export function packCorpus(inputs) {
  return Buffer.concat(
    inputs.flatMap((input) => {
      const length = Buffer.alloc(LENGTH);
      length.writeUInt16BE(input.length);
      return [length, input];
    }),
  );
}

export function unpackCorpus(packed) {
  const inputs = [];
  for (let at = 0; at < packed.length; ) {
    const length = packed.readUInt16BE(at);
    inputs.push(packed.subarray(at + LENGTH, at + LENGTH + length));
    at += LENGTH + length;
  }
  return inputs;
}
