/** The address of an alert: which row of which market it is about. */

export interface Opened {
  readonly symbol: string;
  /** Price of the row to show; null for none. */
  readonly price: number | null;
  /** The alert's number on the server; null when the address does not say. */
  readonly alert: number | null;
}

/** Reads the query of an address ("?symbol=BTCUSDT&price=77480&alert=12"), null when it names no market. */
export function readOpened(search: string): Opened | null {
  const query = new URLSearchParams(search);
  const symbol = query.get("symbol") ?? "";
  if (!/^[A-Z0-9]{2,32}$/.test(symbol)) return null;
  const text = query.get("price") ?? "";
  const alert = query.get("alert") ?? "";
  const price = /^\d{1,12}(\.\d{1,12})?$/.test(text) ? Number(text) : null;
  return { symbol, price, alert: /^\d{1,15}$/.test(alert) ? Number(alert) : null };
}
