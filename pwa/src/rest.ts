/** What nobody looks at: begins when the first picture is there. */

import { keepSubscribed } from "./push/client.ts";
import { watchServer } from "./push/watch.ts";
import { watchUpdates } from "./update.ts";

export function watchTheRest(): void {
  void watchUpdates();
  void keepSubscribed();
  watchServer();
}
