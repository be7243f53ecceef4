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

export const GlanceIcon = () => (
  <Icon>
    <path d="M2 5h4M10 5h8M2 10h4M10 10h8M2 15h4M10 15h8" />
  </Icon>
);

export const LadderIcon = () => (
  <Icon>
    <path d="M3 4h6M11 8h6M3 12h3M9 12h3M7 16h4M14 16h4" />
  </Icon>
);

export const MapIcon = () => (
  <Icon>
    <path d="M2.5 2.5v15h15M6 7h9M6 10.5h6M6 14h10" />
  </Icon>
);

export const FlowIcon = () => (
  <Icon>
    <path d="M2 12.5h3l3-8 4 10 3-6h3M2 17.5h16" />
  </Icon>
);

export const BellIcon = () => (
  <Icon>
    <path d="M5 14V9a5 5 0 0 1 10 0v5l1.5 1.5h-13zM8.5 17.5h3" />
  </Icon>
);

export const SearchIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="5.5" />
    <path d="M13.2 13.2L17.5 17.5" />
  </Icon>
);

export const FullIcon = () => (
  <Icon>
    <path d="M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4" />
  </Icon>
);

export const SoundIcon = () => (
  <Icon>
    <path d="M3 8v4h3l4 3.5v-11L6 8zM13 7.5a3.5 3.5 0 0 1 0 5M15.5 5a7 7 0 0 1 0 10" />
  </Icon>
);
