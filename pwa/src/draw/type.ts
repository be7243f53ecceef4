/** Fonts of the canvas. */

const FAMILY = 'system-ui, -apple-system, "SF Pro Text", Roboto, "Segoe UI", sans-serif';

const face = (weight: number, size: number): string => `${weight} ${size}px ${FAMILY}`;

export const FONTS = {
  price: face(650, 13),
  pricePrefix: face(500, 13),
  size: face(500, 12),
  midPrice: face(700, 17),
  midWord: face(600, 12.5),
  midNote: face(500, 12),
  chipValue: face(700, 13),
  chipInterval: face(500, 11),
  chipNote: face(600, 10.5),
  name: face(700, 10.5),
  axis: face(500, 11),
  axisLabel: face(650, 11.5),
  axisPrice: face(700, 11.5),
  markWord: face(600, 11),
  whale: face(700, 12),
  tape: face(500, 13),
  tapeStrong: face(700, 13),
  pulseValue: face(680, 17),
  pulseNote: face(500, 10.5),
} as const;
