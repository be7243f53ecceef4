/** What the user changes of the rules: asked of the server, and shown once it has agreed. */

import { fromServer, rules } from "./client.ts";
import { readRules } from "./rules.ts";

/** Asks for the rules; those held stay when the server is out. */
export async function loadRules(): Promise<void> {
  try {
    rules.value = readRules(await fromServer("rules"));
  } catch {
    // The inbox beside it tells what is wrong.
  }
}
