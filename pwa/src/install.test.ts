import { expect, it } from "vitest";
import { platformOf } from "./install.ts";

it.each([
  ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) Safari/604.1", 5, "ios"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15", 5, "ios"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15", 0, "desktop"],
  ["Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/157.0 Mobile Safari/537.36", 5, "android"],
  ["Mozilla/5.0 (Android 15; Mobile; rv:160.0) Gecko/160.0 Firefox/160.0", 5, "firefox"],
  ["Mozilla/5.0 (X11; Linux x86_64) Chrome/157.0 Safari/537.36", 0, "desktop"],
])("%s with %i touch points is %s", (agent, points, platform) => {
  expect(platformOf(agent, points)).toBe(platform);
});
