import { createInstrumenter } from 'istanbul-lib-instrument';

const COUNTER = /\bcov_[a-z0-9]+\(\)\.(s|f|b)((?:\[\d+\])+)\+\+/g;
const TEXT = /'([^'\\\n]{2,32})'|"([^"\\\n]{2,32})"/g;
const WORD = /^[\x21-\x7e]+( [\x21-\x7e]+)?$/;
const MODULE = /^(\.|@shardvpn|node:)/;
const KEY = /\b([a-z]{3,20}):/g;
const NUMBER = /(?<![\w.])(\d{3,10})(?![\w.])/g;

/** Makes code count its branches and functions in one flat array, and remembers what it compares with. */
export class Instrument {
  #istanbul = createInstrumenter({ esModules: false, compact: true });
  #words = new Set();
  /** How many branches and functions there are up to now. */
  size = 0;

  /** Code that counts in `globalThis.__branches`, a view of 32-bit words made by whoever loads it. */
  code(code, file) {
    this.#remember(code);
    const places = new Map();
    const counted = this.#istanbul.instrumentSync(code, file).replace(COUNTER, (_, kind, at) => {
      if (kind === 's') return '0';
      const place = kind + at;
      if (!places.has(place)) places.set(place, this.size++);
      return `$branches[${places.get(place)}]++`;
    });
    return `"use strict";const $branches=globalThis.__branches;${counted}`;
  }

  /** Texts and numbers of the code, as bytes that may stand in an input. */
  get words() {
    return [...this.#words].sort();
  }

  #remember(code) {
    for (const [, single, double] of code.matchAll(TEXT)) {
      const text = single ?? double;
      if (WORD.test(text) && !MODULE.test(text)) this.#words.add(text);
    }
    for (const [, key] of code.matchAll(KEY)) this.#words.add(key);
    for (const [, number] of code.matchAll(NUMBER)) {
      this.#words.add(number);
      if (Number(number) < 2 ** 32) this.#words.add(bigEndian(Number(number)));
    }
  }
}

function bigEndian(number) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  return bytes.subarray(number < 2 ** 16 ? 2 : 0).toString('latin1');
}
