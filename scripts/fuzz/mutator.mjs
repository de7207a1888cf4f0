/** Makes new inputs of known ones. The same seed and the same corpus make the same inputs. */
export class Mutator {
  #state;
  #inputs;
  #words;
  #longest;

  /** `inputs` (`bytes`, `milliseconds` that they took) may grow; `words`, of one byte a character, are put into new ones. */
  constructor(seed, inputs, { words, longest }) {
    this.#state = (seed ^ 0x9e3779b9) | 1;
    this.#inputs = inputs;
    this.#words = words.map((word) => [...Buffer.from(word, 'latin1')]);
    this.#longest = longest;
  }

  next() {
    const bytes = [...this.#pick()];
    // Where fields have their places, what is behind a change has to stay where it was.
    const kinds = this.#below(2) === 0 ? IN_PLACE : KINDS;
    for (let changes = 1 << this.#below(4); changes > 0; changes--) this.#change(bytes, this.#below(kinds));
    return Uint8Array.from(bytes.slice(0, this.#longest));
  }

  /** The newest ones more often: what they reach is new. And those that are not slow: there can be more of them. */
  #pick() {
    const [one, other] = [this.#any(), this.#any()];
    return (this.#below(4) === 0 || one.milliseconds < other.milliseconds + SLOW ? one : other).bytes;
  }

  #any() {
    const { length } = this.#inputs;
    const from = this.#below(2) === 0 ? Math.max(0, length - 20) : 0;
    return this.#inputs[from + this.#below(length - from)];
  }

  #change(bytes, kind) {
    const at = this.#below(bytes.length + 1);
    const some = 1 + this.#below(this.#below(8) === 0 ? 64 : 4);
    const other = this.#pick();
    const from = this.#below(other.length + 1);
    switch (kind) {
      case 0:
        bytes.splice(at, 1, (bytes[at] ?? 0) ^ (1 << this.#below(8)));
        break;
      case 1:
        bytes.splice(at, 1, this.#below(256));
        break;
      case 2:
        bytes.splice(at, 2, ...TELLING[this.#below(TELLING.length)]);
        break;
      case 3:
        bytes.splice(at, some);
        break;
      case 4:
        bytes.splice(at, 0, ...Array.from({ length: some }, () => this.#below(256)));
        break;
      case 5:
        bytes.splice(at, this.#below(2) * some, ...other.slice(from, from + 4 * some));
        break;
      case 6:
        bytes.splice(at, this.#below(2) * some, ...this.#words[this.#below(this.#words.length)]);
        break;
      default:
        bytes.splice(at, 0, ...bytes.slice(from, from + some));
    }
  }

  /** Marsaglia's xorshift. */
  #below(limit) {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }
}

/** Milliseconds that make a difference. */
const SLOW = 2;

/** Ways of changing; the first ones leave the rest where it is. */
const KINDS = 8;
const IN_PLACE = 3;

/** Numbers around which code decides. */
const TELLING = [
  [0, 0],
  [0, 1],
  [0, 8],
  [0, 14],
  [0, 64],
  [1, 0],
  [4, 0],
  [127, 255],
  [128, 0],
  [255, 255],
];
