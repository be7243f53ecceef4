/** How the flash of a trade fades. */

export const FLASH_STEPS = 4;
const FLASH_MS = 240;
/** How often the fading flash looks different. */
export const FLASH_STEP_MS = FLASH_MS / FLASH_STEPS;

/** Steps of a trade's flash that are left, 0 when it is over. */
export function flashSteps(sinceMs: number): number {
  const left = 1 - sinceMs / FLASH_MS;
  return left > 0 && left <= 1 ? Math.ceil(left * FLASH_STEPS) : 0;
}
