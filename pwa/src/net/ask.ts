/** One request to the server beside the live connection: JSON there and back. */

/** The server said no; the message is its sentence. */
export class Refusal extends Error {
  readonly code: string;

  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}

/** Asks the server: GET, or with a body POST. Throws Refusal when it refuses, TypeError when it is out. */
export async function askServer(fetchIt: typeof fetch, path: string, body?: object): Promise<unknown> {
  const init = body
    ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) }
    : {};
  const answer = await fetchIt(path, { ...init, cache: "no-store" });
  const told = await answer.json().catch(() => null);
  if (answer.ok) return told;
  const error = (told as { error?: { code?: unknown; text?: unknown } } | null)?.error;
  throw new Refusal(String(error?.code ?? answer.status), String(error?.text ?? answer.statusText));
}
