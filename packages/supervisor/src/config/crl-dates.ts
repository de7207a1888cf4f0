export interface CrlDates {
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
}

/**
 * Dates of one CRL in PEM form; undefined when it is damaged. Only the frame is read, not the entries, so that
 * a long list costs nothing and no certificate library has to be loaded for it.
 */
export const readCrlDates = (pem: string): CrlDates | undefined => {
  const der = Buffer.from(pem.replace(/-----[^-]*-----/g, ''), 'base64');
  const outer = readElement(der, 0, der.length);
  const list = outer?.tag === SEQUENCE ? readElement(der, outer.start, outer.end) : undefined;
  if (list === undefined || list.tag !== SEQUENCE || outer?.end !== der.length) return undefined;
  let element = readElement(der, list.start, list.end);
  if (element?.tag === INTEGER) element = readElement(der, element.end, list.end);
  // Signature algorithm, then issuer.
  for (let i = 0; i < 2; i += 1) {
    if (element?.tag !== SEQUENCE) return undefined;
    element = readElement(der, element.end, list.end);
  }
  const thisUpdate = element && readTime(der, element);
  if (element === undefined || thisUpdate === undefined) return undefined;
  const next = readElement(der, element.end, list.end);
  return { thisUpdate, nextUpdate: (next && readTime(der, next)) ?? null };
};

const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;

interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

const readElement = (der: Buffer, at: number, limit: number): Element | undefined => {
  const tag = der[at];
  const first = der[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  const long = first & 0x80 ? first & 0x7f : 0;
  if (long > 4 || at + 2 + long > limit) return undefined;
  const length = first & 0x80 ? (long === 0 ? Number.NaN : der.readUIntBE(at + 2, long)) : first;
  const start = at + 2 + long;
  return start + length <= limit ? { tag, start, end: start + length } : undefined;
};

const readTime = (der: Buffer, { tag, start, end }: Element): Date | undefined => {
  if (tag !== UTC_TIME && tag !== GENERALIZED_TIME) return undefined;
  const text = der.toString('latin1', start, end);
  const full = tag === UTC_TIME ? `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text}` : text;
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(full) ?? [];
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
};
