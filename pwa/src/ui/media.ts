/** What kind of screen the app is on. */

import { useEffect, useState } from "preact/hooks";

/** Whether the screen answers to a query, now and whenever that changes. */
export function useMedia(query: MediaQueryList): boolean {
  const [matches, setMatches] = useState(query.matches);
  useEffect(() => {
    const look = () => setMatches(query.matches);
    look();
    query.addEventListener("change", look);
    return () => query.removeEventListener("change", look);
  }, [query]);
  return matches;
}
