/** What is written on the phone, so that a start without a server shows the past. */

/** Writes a note down. */
export function keep(storage: Storage, key: string, note: { readonly version: number }): void {
  try {
    storage.setItem(key, JSON.stringify(note));
  } catch {
    // A full or forbidden store costs the picture at the next start, nothing now.
  }
}

/** Reads a note of this version; null when there is none that can be read. */
export function readKept<T extends { readonly version: number }>(
  storage: Storage,
  key: string,
  version: T["version"],
): T | null {
  try {
    const read = JSON.parse(storage.getItem(key) ?? "null") as T | null;
    return read?.version === version ? read : null;
  } catch {
    return null;
  }
}
