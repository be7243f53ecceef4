/** A change of slow facts, as `shared/wire/README.md` lays it out for type 15. */
export type Patch = Readonly<Record<string, unknown>>;

/** What tells an entry of a list of maps from the others. */
const NAMES = ["venue", "id"] as const;

/** The facts held after a change: maps merge key by key, lists of named maps entry by entry. */
export function patched<T extends object>(held: T, changes: Patch): T {
  const facts: Record<string, unknown> = { ...(held as Patch) };
  for (const [key, value] of Object.entries(changes)) facts[key] = merged(facts[key], value);
  return facts as T;
}

function merged(held: unknown, value: unknown): unknown {
  if (isMap(held) && isMap(value)) return patched(held, value);
  if (!Array.isArray(held) || !Array.isArray(value)) return value;
  const first: unknown = value[0];
  const name = isMap(first) ? NAMES.find((it) => it in first) : undefined;
  if (name === undefined) return value;
  const known = new Map(held.filter(isMap).map((entry) => [entry[name], entry]));
  return value.map((entry: unknown) => (isMap(entry) ? patched(known.get(entry[name]) ?? {}, entry) : entry));
}

const isMap = (value: unknown): value is Patch =>
  typeof value === "object" && value !== null && !Array.isArray(value);
