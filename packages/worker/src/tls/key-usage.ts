/** OID 2.5.29.15, the content bytes. */
const KEY_USAGE = [0x55, 0x1d, 0x0f];

const SEQUENCE = 0x30;
const OBJECT_IDENTIFIER = 0x06;
/** `[3] EXPLICIT Extensions` of a TBSCertificate. */
const EXTENSIONS = 0xa3;

/**
 * Whether a DER certificate has the key usage extension; Node shows only the extended one. [RFC 5280 4.1]
 * Never throws: what cannot be read has none.
 */
export function hasKeyUsage(certificate: Uint8Array): boolean {
  const outer = readElement(certificate, 0, certificate.length);
  const tbs = outer?.tag === SEQUENCE ? readElement(certificate, outer.start, outer.end) : undefined;
  const wrapper = tbs && findElement(certificate, tbs, (element) => element.tag === EXTENSIONS);
  const extensions = wrapper && readElement(certificate, wrapper.start, wrapper.end);
  return (
    extensions !== undefined &&
    findElement(certificate, extensions, (element) => isKeyUsage(certificate, element)) !== undefined
  );
}

interface Element {
  readonly tag: number;
  /** The content. */
  readonly start: number;
  readonly end: number;
}

function isKeyUsage(der: Uint8Array, extension: Element): boolean {
  const oid = readElement(der, extension.start, extension.end);
  if (oid?.tag !== OBJECT_IDENTIFIER || oid.end - oid.start !== KEY_USAGE.length) return false;
  return KEY_USAGE.every((byte, i) => der[oid.start + i] === byte);
}

function findElement(der: Uint8Array, parent: Element, wanted: (element: Element) => boolean): Element | undefined {
  for (let at = parent.start; at < parent.end; ) {
    const element = readElement(der, at, parent.end);
    if (element === undefined || wanted(element)) return element;
    at = element.end;
  }
  return undefined;
}

/** The element at `at`, if it lies wholly before `limit`. Long tags do not occur in what is looked for. */
function readElement(der: Uint8Array, at: number, limit: number): Element | undefined {
  const tag = der[at];
  const first = der[at + 1];
  if (tag === undefined || first === undefined || at + 2 > limit) return undefined;
  let start = at + 2;
  let length = first;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > 3) return undefined;
    length = 0;
    for (const end = start + octets; start < end; start++) length = (length << 8) | (der[start] ?? 0);
  }
  return start + length <= limit ? { tag, start, end: start + length } : undefined;
}
