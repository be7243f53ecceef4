/** Line icons, 20 by 20, drawn in the ink of the text around them. */

import type { ComponentChildren } from "preact";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      {children}
    </svg>
  );
}

export const SlidersIcon = () => (
  <Icon>
    <path d="M2 6h7M15 6h3M2 14h3M11 14h7" />
    <circle cx="12" cy="6" r="2.6" />
    <circle cx="8" cy="14" r="2.6" />
  </Icon>
);

export const CentreIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="4.4" />
    <path d="M10 1.5v4M10 14.5v4M1.5 10h4M14.5 10h4" />
  </Icon>
);

export const MinusIcon = () => (
  <Icon>
    <path d="M4.5 10h11" />
  </Icon>
);

export const PlusIcon = () => (
  <Icon>
    <path d="M4.5 10h11M10 4.5v11" />
  </Icon>
);

export const ChevronIcon = () => (
  <Icon>
    <path d="M5 7.5l5 5 5-5" />
  </Icon>
);

export const TickIcon = () => (
  <Icon>
    <path d="M4 10.5l4 4 8-9" />
  </Icon>
);

export const ArrowIcon = ({ down = false }: { down?: boolean }) => (
  <Icon>
    <path d={down ? "M10 3v14M4.5 11.5L10 17l5.5-5.5" : "M10 17V3M4.5 8.5L10 3l5.5 5.5"} />
  </Icon>
);

export const CandlesIcon = () => (
  <Icon>
    <path d="M6 2v4M6 13v5M14 3v3M14 14v3" />
    <rect x="4" y="6" width="4" height="7" rx="1" />
    <rect x="12" y="6" width="4" height="8" rx="1" />
  </Icon>
);

export const LineIcon = () => (
  <Icon>
    <path d="M2 14l4.5-5 4 3L18 4.5" />
  </Icon>
);
