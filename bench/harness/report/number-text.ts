/** Three significant digits, thousands separated; a dash for what is not known. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}

/** A share from 0 to 1 as "12 %". */
export const percentText = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

/** Small ones as a fraction of 1, which is easier to say. */
export function ratioText(ratio: number): string {
  if (!Number.isFinite(ratio)) return '-';
  return ratio > 0 && ratio < 0.9 ? `1/${numberText(1 / ratio)}` : `${numberText(ratio)} x`;
}
